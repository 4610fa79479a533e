use jiff::civil::Time;

/// The hours of a day in which somebody is on duty; no period at all means always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// Start and end in local time. An end at or before its start lies on the next day.
    periods: Vec<(Time, Time)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shift {shift:?} is not HH:MM-HH:MM[;HH:MM-HH:MM…]")]
pub struct ShiftError {
    pub shift: String,
}

impl Shift {
    pub const ALWAYS: Self = Self { periods: Vec::new() };

    /// Parses `HH:MM-HH:MM[;…]`; an empty text means always. `24:00` is the end of the day.
    ///
    /// # Errors
    /// Returns the text that is no shift.
    pub fn parse(text: &str) -> Result<Self, ShiftError> {
        let error = || ShiftError { shift: text.to_owned() };
        let periods = text
            .split(';')
            .map(str::trim)
            .filter(|period| !period.is_empty())
            .map(|period| {
                let (start, end) = period.split_once('-').ok_or_else(error)?;
                Ok((parse_time(start).ok_or_else(error)?, parse_time(end).ok_or_else(error)?))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { periods })
    }

    pub fn periods(&self) -> &[(Time, Time)] {
        &self.periods
    }

    pub fn contains(&self, time: Time) -> bool {
        self.periods.is_empty()
            || self.periods.iter().any(|&(start, end)| if start < end { start <= time && time < end } else { start <= time || time < end })
    }
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    if (hour, minute) == (24, 0) {
        return Some(Time::midnight());
    }
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i8, minute: i8) -> Time {
        Time::new(hour, minute, 0, 0).unwrap()
    }

    #[test]
    fn a_night_shift_reaches_over_midnight() {
        let shift = Shift::parse("20:00-06:00;12:00-13:30").unwrap();
        for (hour, minute, on) in [(20, 0, true), (5, 59, true), (6, 0, false), (12, 30, true), (13, 30, false), (19, 59, false)] {
            assert_eq!(shift.contains(at(hour, minute)), on, "{hour}:{minute}");
        }
    }

    #[test]
    fn no_period_means_always_and_midnight_ends_a_day() {
        assert!(Shift::parse("").unwrap().contains(at(3, 0)));
        assert!(Shift::parse("16:00-24:00").unwrap().contains(at(23, 59)));
        assert!(Shift::parse("8-12").is_err());
        assert!(Shift::parse("25:00-26:00").is_err());
    }
}
