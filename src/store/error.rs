use crate::boundary::{GenerationId, LayerName, Level, UnitCode};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no store {location}; import boundaries first, or name another with --store")]
    Missing { location: String },
    #[error("cannot open the store {location}")]
    Open {
        location: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("cannot {action} in the store {location}")]
    Access {
        action: &'static str,
        location: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("cannot tell whether this did {action} in the store {location}: {what}; look before repeating it")]
    Unconfirmed {
        action: &'static str,
        location: String,
        /// What is known.
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the store {location} is open for reading only, so this cannot {action}")]
    ReadOnly { action: &'static str, location: String },
    #[error("another process has been writing the store {location} for {waited_s} s; try again when it is done")]
    Locked { location: String, waited_s: u64 },
    #[error("the store {location} {found}")]
    Foreign { location: String, found: String },
    #[error("the store {location} is an unfinished copy; repeat the migrate or restore that was making it, or name another with --store")]
    Unfinished { location: String },
    #[error("the store {location} holds a {what} that cannot be read: {detail}")]
    Corrupt { location: String, what: &'static str, detail: String },
    #[error(
        "these cases were reported in {months} different months, more than the {max} that one write may reach into; look at their dates, or write them in parts"
    )]
    TooManyMonths { months: usize, max: usize },
    #[error("layer {layer} has no generation {generation}")]
    NoGeneration { layer: LayerName, generation: GenerationId },
    #[error(
        "{} is no longer the newest of layer {layer}: {} is; repeat the change on it",
        describe(*given),
        describe(*newest)
    )]
    Superseded { layer: LayerName, given: Option<GenerationId>, newest: Option<GenerationId> },
    #[error(
        "draft {draft} of layer {layer} is at revision {revision} by now; look at what was done meanwhile, and repeat the change on it"
    )]
    DraftChanged { layer: LayerName, draft: GenerationId, revision: u32 },
    #[error("the roster was replaced meanwhile; look at the newest, and repeat the change on it")]
    RosterChanged { newest: Option<u64> },
    #[error(
        "{} {level} codes of layer {layer} named other units, which have ended: {}; give the units new codes, or say that the old codes may be used again",
        codes.len(),
        named(codes)
    )]
    CodesReused { layer: LayerName, level: Level, codes: Vec<UnitCode> },
}

impl StoreError {
    /// Whether what others have written stands in the way, and not the store: to be looked at and given again.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Superseded { .. } | Self::DraftChanged { .. } | Self::RosterChanged { .. } | Self::CodesReused { .. })
    }
}

/// Codes named in a message; the rest is counted.
const CODES_NAMED_MAX: usize = 6;

fn named(codes: &[UnitCode]) -> String {
    let mut text = codes.iter().take(CODES_NAMED_MAX).map(UnitCode::as_str).collect::<Vec<_>>().join(", ");
    if codes.len() > CODES_NAMED_MAX {
        text.push_str(" and others");
    }
    text
}

fn describe(generation: Option<GenerationId>) -> String {
    generation.map_or_else(|| "no generation at all".into(), |id| format!("generation {id}"))
}
