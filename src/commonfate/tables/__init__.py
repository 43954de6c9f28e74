"""Result tables: declarations, assembly, rendering."""
