use std::fmt;

/// What a caller may do. Without a key a caller is [`Role::Public`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Public,
    Worker,
    Dispatcher,
    Planner,
    Admin,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Public, Self::Worker, Self::Dispatcher, Self::Planner, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Worker => "worker",
            Self::Dispatcher => "dispatcher",
            Self::Planner => "planner",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether names, phones and ids of workers, and cases, may be shown.
    pub fn sees_personal_data(self) -> bool {
        matches!(self, Self::Worker | Self::Dispatcher | Self::Planner | Self::Admin)
    }

    /// Whether drafts, and generations that have not taken effect, may be shown.
    pub fn sees_plans(self) -> bool {
        matches!(self, Self::Planner | Self::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
