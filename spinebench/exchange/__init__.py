"""What goes to and comes from other people and tools: packets for raters, ratings, reporting sheets."""
