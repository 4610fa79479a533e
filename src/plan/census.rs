use super::base::{Base, BaseError, Named};

/// What is to be done in each base unit, and whose it is: all that workers are shared out by, and no shape.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// One for each unit, none negative.
    pub load: Vec<f64>,
    /// The community of each unit, numbered from 0 without holes.
    pub community: Vec<u32>,
    /// The names of communities in the order of their numbers; none where all is one.
    pub communities: Vec<String>,
    /// Without names where there is no plan of today.
    pub today: Named,
    /// What the planner should know about where the units came from.
    pub notes: Vec<String>,
}

impl Census {
    pub fn community_name(&self, community: u32) -> &str {
        self.communities.get(community as usize).map_or("", String::as_str)
    }
}

impl Base {
    /// Returns what workers are shared out by.
    ///
    /// # Errors
    /// Communities are named, and a unit is in none.
    pub fn census(&self) -> Result<Census, BaseError> {
        Ok(Census {
            load: self.load(),
            community: self.community()?,
            communities: self.communities.names.clone(),
            today: self.today.clone(),
            notes: self.notes.clone(),
        })
    }
}
