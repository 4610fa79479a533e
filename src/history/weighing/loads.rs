/// A figure that is balanced, and how much it weighs beside others.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedLoad {
    pub field: String,
    pub weight: f64,
}

/// The name under which the cases of the store are asked for.
pub const WORKLOAD: &str = "workload";

/// Loads that are balanced together.
pub const LOADS_MAX: usize = 16;

/// Reads `FIELD` or `FIELD:WEIGHT`, several with commas between.
///
/// # Errors
/// Shows the part that is no load.
pub fn parse_loads(text: &str) -> Result<Vec<WantedLoad>, String> {
    let one = |part: &str| {
        let (field, weight) = match part.rsplit_once(':') {
            Some((field, weight)) => (field, weight.parse().map_err(|_| format!("weight {weight:?} of load {field} is no number"))?),
            None => (part, 1.0),
        };
        if field.is_empty() || !(weight > 0.0 && f64::is_finite(weight)) {
            return Err(format!("{part:?} is no load: use FIELD or FIELD:WEIGHT with a weight above 0"));
        }
        Ok(WantedLoad { field: field.to_owned(), weight })
    };
    if text.split(',').count() > LOADS_MAX {
        return Err(format!("more than {LOADS_MAX} loads are not balanced together"));
    }
    text.split(',').map(|part| one(part.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_have_weights() {
        let load = |field: &str, weight| WantedLoad { field: field.into(), weight };
        assert_eq!(parse_loads("户数").unwrap(), [load("户数", 1.0)]);
        assert_eq!(parse_loads("cases:2, homes:0.5").unwrap(), [load("cases", 2.0), load("homes", 0.5)]);
        for wrong in ["", "a:x", "a:0", "a:-1", ":2", "a,,b", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"] {
            assert!(parse_loads(wrong).is_err(), "{wrong}");
        }
    }
}
