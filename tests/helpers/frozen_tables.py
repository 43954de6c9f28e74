"""Tables of FlowDINO and TimeT whose rows are encoders as they are."""

FLOWDINO = tuple(f"flowdino_table{number}" for number in (1, 2, 4, 5, 6, 7))
TIMET = tuple(f"timet_table{number}" for number in (3, 4, 5, 6, 7, 8, 10, 11))
