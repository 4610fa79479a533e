use crate::boundary::{GenerationId, LayerName};

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
    #[error("the store {location} is open for reading only, so this cannot {action}")]
    ReadOnly { action: &'static str, location: String },
    #[error("another process has been writing the store {location} for {waited_s} s; try again when it is done")]
    Locked { location: String, waited_s: u64 },
    #[error("the store {location} {found}")]
    Foreign { location: String, found: String },
    #[error("the store {location} holds a {what} that cannot be read: {detail}")]
    Corrupt { location: String, what: &'static str, detail: String },
    #[error("layer {layer} has no generation {generation}")]
    NoGeneration { layer: LayerName, generation: GenerationId },
    #[error(
        "{} is no longer the newest of layer {layer}: {} is; repeat the change on it",
        describe(*given),
        describe(*newest)
    )]
    Superseded { layer: LayerName, given: Option<GenerationId>, newest: Option<GenerationId> },
}

fn describe(generation: Option<GenerationId>) -> String {
    generation.map_or_else(|| "no generation at all".into(), |id| format!("generation {id}"))
}
