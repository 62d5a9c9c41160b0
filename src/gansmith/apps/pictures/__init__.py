"""What the applications on pictures of one's own share: which files, and what became of each."""
