// Where changes lie until the server has them: IndexedDB, so that a closed tab or a crash loses nothing.

import type { Edit, Theirs } from "./types";

/** A change with what the queue must know of it. `order` grows with every change made in this browser. */
export interface Row {
  order: number;
  study: string;
  by: string;
  made_at: string;
  /** the page in which it was made: another page's changes were not made on top of what this one shows */
  tab: string;
  edit: Edit;
  /** it may have reached the server: from now on it is sent unchanged */
  sent: boolean;
  problem: { kind: "conflict"; theirs: Theirs } | Refusal | null;
}

export interface Refusal {
  kind: "refused";
  message: string;
  /** nobody has to decide: it is sent again by itself, until what was in its way is gone */
  passing?: boolean;
}

export interface Shelf {
  /** false where rows do not outlive the page */
  readonly lasting: boolean;
  add(row: Omit<Row, "order">): Promise<Row>;
  put(row: Row): Promise<void>;
  remove(orders: readonly number[]): Promise<void>;
  all(): Promise<Row[]>;
}

export class MemoryShelf implements Shelf {
  readonly lasting = false;
  private rows = new Map<number, Row>();
  private next = 1;

  add(row: Omit<Row, "order">): Promise<Row> {
    const kept = structuredClone({ ...row, order: this.next++ });
    this.rows.set(kept.order, kept);
    return Promise.resolve(structuredClone(kept));
  }
  put(row: Row): Promise<void> {
    this.rows.set(row.order, structuredClone(row));
    return Promise.resolve();
  }
  remove(orders: readonly number[]): Promise<void> {
    for (const order of orders) this.rows.delete(order);
    return Promise.resolve();
  }
  all(): Promise<Row[]> {
    return Promise.resolve(structuredClone([...this.rows.values()].sort((a, b) => a.order - b.order)));
  }
}

const STORE = "edits";

class DatabaseShelf implements Shelf {
  readonly lasting = true;
  constructor(private readonly database: IDBDatabase) {}

  async add(row: Omit<Row, "order">): Promise<Row> {
    const order = await this.write((store) => store.add(row));
    return { ...row, order: Number(order) };
  }
  async put(row: Row): Promise<void> {
    await this.write((store) => store.put(row));
  }
  async remove(orders: readonly number[]): Promise<void> {
    await this.write((store) => {
      for (const order of orders) store.delete(order);
      return null;
    });
  }
  all(): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      const request = this.database.transaction(STORE, "readonly").objectStore(STORE).getAll();
      request.onsuccess = () => resolve(request.result as Row[]);
      request.onerror = () => reject(request.error ?? new Error("the browser's database cannot be read"));
    });
  }

  /** Resolves when the transaction is complete, not when the request is: only then is the row on the disk. */
  private write(work: (store: IDBObjectStore) => IDBRequest<IDBValidKey> | null): Promise<IDBValidKey | undefined> {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(STORE, "readwrite", { durability: "strict" });
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request?.result);
      // a page that is about to go does not wait for the request's answer before it says that this is all
      transaction.commit();
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser's database refused the change"));
    });
  }
}

/** The shelf of this browser; one in memory where the browser keeps nothing (then the page says so). */
export async function openShelf(factory: IDBFactory | undefined, name = "mien-bench"): Promise<Shelf> {
  if (!factory) return new MemoryShelf();
  try {
    return new DatabaseShelf(await openDatabase(factory, name));
  } catch {
    return new MemoryShelf();
  }
}

function openDatabase(factory: IDBFactory, name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "order", autoIncrement: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database cannot be opened"));
    request.onblocked = () => reject(new Error("the browser's database is blocked"));
  });
}
