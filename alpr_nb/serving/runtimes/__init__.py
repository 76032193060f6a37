"""The reader in other languages: graphs that do more, test vectors, a comparison of readings, the page in the browser."""
