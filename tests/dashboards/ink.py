"""Paper and ink of the drawn dashboards."""

from typing import Final

PAPER: Final = "#f4f5f5"
CARD: Final = "#ffffff"
INK: Final = "#24292e"
PALE: Final = "#6a737b"
GRID: Final = "#dfe2e5"
PALETTE: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8E8E8E", "#9C5A3C")
"""For series without a colour of their own: Grafana would take its classic palette."""
