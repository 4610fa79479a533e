//! Distances near a position, from what is known about it already.
//!
//! A position in a unit has the nearest border on the unit's own rings (`rings`), and the units around within a few metres are met by
//! walking across the borders that are as near (`walk`). A position in no unit has it on the rim of the level, which is a small part of
//! all borders (`rim`). Where none of this serves, near poles and the antimeridian, with overlaps, for units of
//! very many edges, the tree of all borders does.

mod alternatives;
mod rim;
mod rings;
mod walk;

pub(super) use alternatives::Alternatives;
pub(super) use rim::Rim;
pub(super) use walk::Walk;
