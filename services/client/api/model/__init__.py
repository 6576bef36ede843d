"""What replies hold, as frozen structs. Fields of a newer scheduler are ignored, its new words read as UNKNOWN."""
