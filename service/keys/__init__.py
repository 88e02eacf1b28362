"""Who may ask, and how much: keys, what each of them may have, and the file that they stand in."""
