"""`leeward up`: the whole pair, a broker and an emulated fleet on one machine."""
