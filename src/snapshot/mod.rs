//! All that one request reads: one generation of each layer, one roster, one swap.
