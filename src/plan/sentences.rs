//! Plans in plain sentences, for all who print or send them.

use super::balance::{Bounds, Finding, Limit, Why};
use super::base::Base;
use super::proposal::Explained;

impl Explained {
    /// Says in one sentence what changes hands between two districts, and what that does to both.
    pub fn sentence<'a>(&self, name: impl Fn(u32) -> &'a str) -> String {
        let change = &self.change;
        let units = if change.units.len() == 1 { "1 unit".to_owned() } else { format!("{} units", change.units.len()) };
        let load = |[before, after]: [f64; 2]| format!("load {} → {}", percent_short(before), percent_short(after));
        let (given, taken) = (load(self.from_share), load(self.to_share));
        match (change.from, change.to) {
            (Some(from), Some(to)) => format!("{} takes {units} from {}: {given} (its own {taken})", name(to), name(from)),
            (None, Some(to)) => format!("{} takes {units} that were in no district: {taken}", name(to)),
            (Some(from), None) => format!("{units} of {} are in no district: {given}", name(from)),
            (None, None) => String::new(),
        }
    }
}

impl Finding {
    /// Returns the word by which programs know the finding.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooHeavy { .. } => "too_heavy",
            Self::OffTheMean { .. } => "off_the_mean",
            Self::NoRoom { .. } => "no_room",
            Self::OverLimit { .. } => "over_limit",
            Self::UnderLimit { .. } => "under_limit",
            Self::InPieces { .. } => "in_pieces",
            Self::Stuck { .. } => "stuck",
            Self::TornToday { .. } => "torn_today",
            Self::CrossesToday { .. } => "crosses_today",
            Self::TooManyLocked { .. } => "too_many_locked",
            Self::TooManyPoints { .. } => "too_many_points",
            Self::LockedApart { .. } => "locked_apart",
            Self::Outside { .. } => "outside",
        }
    }

    /// Says in one sentence what stands in the way of a plan, and what could be done.
    pub fn sentence<'a>(&self, bounds: Bounds, base: &Base, name: impl Fn(u32) -> &'a str) -> String {
        let range = format!("{} to {}", figure(bounds.low), figure(bounds.high));
        match self {
            Self::TooHeavy { unit, load } => {
                let code = &base.codes[*unit as usize];
                format!(
                    "unit {code} carries {} by itself, and a district may carry {range}; divide the unit, or let a district carry more",
                    figure(*load)
                )
            }
            Self::OffTheMean { share_of_mean, districts, suitable } => {
                let its = if *districts == 1 { "its one district carries".to_owned() } else { format!("its {districts} districts carry") };
                let each = if *districts == 1 { "" } else { " each" };
                let remedy =
                    if suitable == districts { "no other number suits it better".to_owned() } else { format!("{suitable} would suit it") };
                format!("{its} {} of the city's mean{each}, whatever their borders; {remedy}", percent(*share_of_mean))
            }
            Self::NoRoom { mean } => {
                format!("its districts carry {} on the mean, and each may carry {range}; change their number", figure(*mean))
            }
            Self::OverLimit { limit, mean } => {
                let Limit { name, most, .. } = &base.limits[*limit];
                let (mean, most) = (figure(*mean), figure(*most));
                format!(
                    "its districts have {mean} {name} on the mean, and each may have {most} at most; make more districts, or raise the limit"
                )
            }
            Self::UnderLimit { limit, mean } => {
                let Limit { name, least, .. } = &base.limits[*limit];
                let (mean, least) = (figure(*mean), figure(*least));
                format!(
                    "its districts have {mean} {name} on the mean, and each must have {least} at least; make fewer districts, or lower the limit"
                )
            }
            Self::InPieces { pieces } => format!("its units lie in {pieces} pieces, which were joined at their nearest units"),
            Self::Stuck { load } => {
                format!("a load of {} cannot reach a district that could take it, as the districts do not hang together", figure(*load))
            }
            Self::TornToday { pieces } => format!("{pieces} units that lie apart from their district of today were given to a neighbour"),
            Self::CrossesToday { district } => {
                format!("district {} reaches in from another parent today; its units here were given to a neighbour", name(*district))
            }
            Self::TooManyLocked { districts, wanted } => {
                format!("{districts} districts of today have locked units, so that {wanted} cannot be made; unlock some")
            }
            Self::TooManyPoints { points, districts } => {
                format!(
                    "{points} points are to have a district each, so that {districts} cannot be made; leave points out, or make more districts"
                )
            }
            Self::LockedApart { pieces } => format!("{pieces} pieces lie apart and are locked; unlock them, or what lies between"),
            Self::Outside { district, load, why } => {
                let why = match why {
                    Why::HeavyUnit => "one of its units is too heavy by itself",
                    Why::NoRoom => "the load of its community leaves no room; change the number of districts",
                    Why::Limit => {
                        "it has more than it may of what is limited, or less than it must, and no exchange with its neighbours was found that mends it"
                    }
                    Why::Locked => "its locked units alone carry too much",
                    Why::NoWay => {
                        "no exchange with its neighbours was found that keeps all of them whole, within bounds and with some of their ground of today; try another seed, a wider tolerance or a redraw"
                    }
                    Why::Stopped => "the time was over; give more",
                };
                format!("district {} carries {} and may carry {range}: {why}", name(*district), figure(*load))
            }
        }
    }
}

/// Digits that tell two loads from each other, and decimals that a figure has wherever it has any.
const DIGITS: i32 = 4;
const DECIMALS: usize = 2;

/// A load in as many digits as a person reads: shares of a thousandth as well as thousands of cases.
pub fn figure(load: f64) -> String {
    if load.abs() >= 1000.0 || load.fract() == 0.0 {
        return format!("{load:.0}");
    }
    let leading = load.abs().log10().floor() as i32;
    if leading < -2 * DIGITS {
        return format!("{load:.DECIMALS$e}");
    }
    let decimals = usize::try_from(DIGITS - 1 - leading).unwrap_or(0).max(DECIMALS);
    let mut text = format!("{load:.decimals$}");
    // Zeros at the end tell nothing beyond the usual decimals.
    let least = text.len() - (decimals - DECIMALS);
    while text.len() > least && text.ends_with('0') {
        text.pop();
    }
    text
}

pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn percent_short(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_the_digits_that_matter() {
        for (load, expected) in [
            (0.0, "0"),
            (120.0, "120"),
            (2148.4, "2148"),
            (131.25, "131.25"),
            (0.5, "0.50"),
            (1.005, "1.005"),
            (-0.0123, "-0.0123"),
            (0.000_512_34, "0.0005123"),
            (0.000_475, "0.000475"),
            (3e-12, "3.00e-12"),
        ] {
            assert_eq!(figure(load), expected);
        }
    }
}
