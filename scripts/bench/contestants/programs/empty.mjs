// An empty module, to compare an import with.
export {};
