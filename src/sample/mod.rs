//! A made-up district that looks like a real one, from a seed.
