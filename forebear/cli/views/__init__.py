"""How each result looks: to people, to scripts and to machines."""
