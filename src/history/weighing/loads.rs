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

/// A figure that is limited, and how much of it a district may have, and must.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedLimit {
    pub field: String,
    /// 0 where none is named.
    pub least: f64,
    /// Infinite where none is named.
    pub most: f64,
}

/// The number of base units, and their ground in square kilometres, as they are asked for by name.
pub const UNITS: &str = "units";
pub const AREA_KM2: &str = "area_km2";

/// Reads `NAME:NUMBER`, several with commas between: what districts may have at most or must have at least.
///
/// # Errors
/// Shows the part that is no limit.
pub fn parse_limits(text: &str) -> Result<Vec<(String, f64)>, String> {
    let one = |part: &str| {
        let wrong = || format!("{part:?} is no limit: use NAME:NUMBER with a number above 0");
        let (field, number) = part.rsplit_once(':').ok_or_else(wrong)?;
        let number = number.parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite());
        Ok((field.to_owned(), number.filter(|_| !field.is_empty()).ok_or_else(wrong)?))
    };
    if text.split(',').count() > LOADS_MAX {
        return Err(format!("more than {LOADS_MAX} figures are not limited together"));
    }
    text.split(',').map(|part| one(part.trim())).collect()
}

/// Puts together what districts must have at least and may have at most; of a figure that is named twice the narrower number holds.
///
/// # Errors
/// Names a figure of which a district must have more than it may.
pub fn join_limits(at_least: Vec<(String, f64)>, at_most: Vec<(String, f64)>) -> Result<Vec<WantedLimit>, String> {
    let mut limits: Vec<WantedLimit> = Vec::new();
    let named = at_most.into_iter().map(|(field, most)| (field, 0.0, most));
    for (field, least, most) in named.chain(at_least.into_iter().map(|(field, least)| (field, least, f64::INFINITY))) {
        match limits.iter_mut().find(|known| known.field == field) {
            Some(known) => (known.least, known.most) = (known.least.max(least), known.most.min(most)),
            None => limits.push(WantedLimit { field, least, most }),
        }
    }
    match limits.iter().find(|limit| limit.least > limit.most) {
        Some(WantedLimit { field, least, most }) => {
            Err(format!("asks for at least {least} and at most {most} of {field}; change one of them"))
        }
        None => Ok(limits),
    }
}

/// Numbers of workers that are compared at once.
pub const WHAT_IF_MAX: usize = 1_000;

/// Reads `FROM..TO` or `FROM..TO/STEP` as the numbers that it stands for.
///
/// # Errors
/// Shows the text that is no range, or one of too many numbers.
pub fn parse_numbers(text: &str) -> Result<Vec<u32>, String> {
    let wrong = || format!("{text:?} is no range: use 40..60 or 40..60/5");
    let (range, step) = text.split_once('/').unwrap_or((text, "1"));
    let (from, to) = range.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(wrong);
    let (from, to, step) = (number(from)?, number(to)?, number(step)?);
    let numbers: Vec<u32> = (from..=to).step_by(step as usize).take(WHAT_IF_MAX + 1).collect();
    match numbers.len() {
        1..=WHAT_IF_MAX => Ok(numbers),
        _ => Err(format!("{text:?} has no number or more than {WHAT_IF_MAX} of them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_a_name_and_a_number() {
        assert_eq!(parse_limits("units:12, 户数:900").unwrap(), [("units".to_owned(), 12.0), ("户数".to_owned(), 900.0)]);
        for wrong in ["", "units", "units:0", "units:x", ":3", "a:1,,b:2"] {
            assert!(parse_limits(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn floors_and_ceilings_of_a_figure_are_one_limit() {
        let join = |least: &str, most: &str| join_limits(parse_limits(least).unwrap(), parse_limits(most).unwrap());
        let limit = |field: &str, least, most| WantedLimit { field: field.into(), least, most };
        let expected = [limit("units", 2.0, 12.0), limit("homes", 0.0, 9.0), limit("shops", 3.0, f64::INFINITY)];
        assert_eq!(join("units:2,shops:3,shops:1", "units:12,homes:9,units:20").unwrap(), expected);
        assert!(join("units:13", "units:12").unwrap_err().contains("units"));
    }

    #[test]
    fn a_range_of_workers_has_a_step_and_an_end() {
        assert_eq!(parse_numbers("40..60/10"), Ok(vec![40, 50, 60]));
        assert_eq!(parse_numbers("4294967290..4294967295/4").map(|numbers| numbers.len()), Ok(2));
        for wrong in ["", "40", "60..40", "0..3", "1..5/0", "1..100000"] {
            assert!(parse_numbers(wrong).is_err(), "{wrong}");
        }
    }

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
