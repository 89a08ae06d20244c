"""Methods that name the emotion of an expression, one file each, as scikit-learn classifiers.

`fit(X, y, groups)` learns from training samples only, `predict_proba(X)` answers, `classes_` are the labels
seen. What was published and what is ours stands in each method's docstring and card. May use learning,
features, signals and core; knows nothing of how it is evaluated.
"""
