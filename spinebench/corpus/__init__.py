"""Questions out of one's own documents: figures with their text in, drafted and revised items for review out."""
