"""How somebody signs in to Drive, stays signed in, and signs out."""
