"""Tables of FlowDINO and TimeT: of encoders as they are, and as these methods leave them."""

FLOWDINO = tuple(f"flowdino_table{number}" for number in range(1, 8))
TIMET = tuple(f"timet_table{number}" for number in (3, 4, 5, 6, 7, 8, 10, 11))
