use crate::boundary::{GenerationId, LayerName};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
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
    #[error("the store {location} holds {found}, which this program does not know; use the program that wrote it, or a newer one")]
    Foreign { location: String, found: String },
    #[error("the store {location} holds a {what} that cannot be read: {detail}")]
    Corrupt { location: String, what: &'static str, detail: String },
    #[error("layer {layer} has no generation {generation}")]
    NoGeneration { layer: LayerName, generation: GenerationId },
    #[error("generation {given:?} of layer {layer} is no longer the newest: {newest:?} was published meanwhile; repeat the change on it")]
    Superseded { layer: LayerName, given: Option<GenerationId>, newest: Option<GenerationId> },
}
