//! Vector tiles cut from the arcs of a coverage, so that neighbours stay joined.
