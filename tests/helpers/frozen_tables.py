"""Tables of FlowDINO and TimeT: rows are encoders, as they are or trained further."""

FLOWDINO = tuple(f"flowdino_table{number}" for number in range(1, 8))
TIMET = tuple(f"timet_table{number}" for number in (3, 4, 5, 6, 7, 8, 10, 11))
ABLATIONS = ("timet_table1a", "timet_table1b", "timet_table1c", "timet_table2", "timet_table9")
"""Those whose rows are all trained."""
