/** What came over the wire, as `JSON.parse` gives it: a test looks at the fields it expects and fails where they are not. */
export type Wire = ReturnType<typeof JSON.parse>;
