"""The pages that mien serves in a browser: the coding bench.

Thin: what is coded, by whom and who may see it stands in `coding`, recordings in `dataset` and `recording`;
here they meet and become HTTP. The browser's own sources are in `web/`. May use every room but cli.
"""
