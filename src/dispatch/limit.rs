use std::fmt;

/// How time runs that a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Clock {
    /// Hours that go on at night, at weekends and on holidays (紧急工作时).
    UrgentHour,
    /// Hours of work periods alone (工作时).
    WorkHour,
    /// Days of so many work hours as the calendar says, eight mostly (工作日).
    WorkDay,
    /// Days of the calendar on the wall, whether anybody works or not (自然日, 紧急工作日).
    NaturalDay,
}

impl Clock {
    pub const ALL: [Self; 4] = [Self::UrgentHour, Self::WorkHour, Self::WorkDay, Self::NaturalDay];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::UrgentHour => "urgent_hour",
            Self::WorkHour => "work_hour",
            Self::WorkDay => "work_day",
            Self::NaturalDay => "natural_day",
        }
    }

    /// Whether it stands still outside of work periods.
    pub fn needs_work(self) -> bool {
        matches!(self, Self::WorkHour | Self::WorkDay)
    }

    /// The words behind a number, without white space, signs and plural. Tables of offices write 小时 and 天 for hours and days of work;
    /// the English words alone would be a guess.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::UrgentHour => &["紧急工作时", "紧急工作小时", "紧急小时", "紧急时", "urgenthour"],
            Self::WorkHour => &["工作时", "工作小时", "小时", "workhour", "workinghour"],
            Self::WorkDay => &["工作日", "工作天", "天", "日", "workday", "workingday", "businessday"],
            Self::NaturalDay => &[
                "自然日",
                "自然天",
                "日历日",
                "紧急工作日",
                "紧急工作天",
                "紧急日",
                "naturalday",
                "calendarday",
                "urgentday",
                "urgentworkday",
            ],
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A time limit: so much of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Limit {
    /// Hours or days, in thousandths: half a day is 500.
    thousandths: u32,
    clock: Clock,
}

/// Longest limit, hours or days. Ten years of days; what is longer is a slip of the keyboard.
pub const LIMIT_MAX: u32 = 3_660;

/// The forms that a message names.
const FORMS: &str =
    "write 2紧急工作时, 4工作时, 4小时, 2工作日, 2天, 1紧急工作日 or 1自然日, or 2 urgent hours, 4 work hours, 2 work days, 1 natural day";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    #[error("{text:?} is no time limit; {FORMS}")]
    Form { text: String },
    #[error("{text:?} does not say which hours or days are meant; {FORMS}")]
    Clock { text: String },
    #[error("the time limit {text:?} is not more than 0 and at most {LIMIT_MAX}, with three decimals at most; correct it")]
    Quantity { text: String },
}

impl Limit {
    /// Makes a limit of so many hours or days of a clock; none where it is 0 or more than [`LIMIT_MAX`].
    pub fn new(quantity: u32, clock: Clock) -> Option<Self> {
        (1..=LIMIT_MAX).contains(&quantity).then_some(Self { thousandths: quantity * 1000, clock })
    }

    /// Returns hours or days, in thousandths.
    pub fn thousandths(self) -> u32 {
        self.thousandths
    }

    pub fn clock(self) -> Clock {
        self.clock
    }

    /// Returns so many percent of the limit; none where that is nothing.
    pub fn share(self, percent: u8) -> Option<Self> {
        let thousandths = u32::try_from(u64::from(self.thousandths) * u64::from(percent) / 100).ok()?;
        (thousandths > 0).then_some(Self { thousandths, ..self })
    }

    /// Parses a limit as offices write it: `2紧急工作时`, `4工作时`, `4小时`, `2工作日`, `2天`, `1紧急工作日`, `1自然日`, `2 urgent hours`;
    /// digits may be full-width, and white space and 个 may stand before the words. What [`Limit`] displays is read back.
    ///
    /// # Errors
    /// Names the text and the forms that are taken.
    pub fn parse(text: &str) -> Result<Self, LimitError> {
        let plain: String = text.chars().map(to_half_width).filter(|c| !c.is_whitespace()).collect();
        let end = plain.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(plain.len());
        let (number, words) = plain.split_at(end);
        let words: String = words.trim_start_matches('个').to_lowercase().replace(['_', '-'], "");
        if number.is_empty() || words.is_empty() {
            return Err(LimitError::Form { text: text.to_owned() });
        }
        let singular = words.strip_suffix('s').unwrap_or(&words);
        let clock = Clock::ALL.into_iter().find(|clock| clock.words().contains(&singular)).ok_or_else(|| match singular {
            "hour" | "day" | "h" | "d" => LimitError::Clock { text: text.to_owned() },
            _ => LimitError::Form { text: text.to_owned() },
        })?;
        let thousandths = parse_thousandths(number).filter(|thousandths| (1..=LIMIT_MAX * 1000).contains(thousandths));
        Ok(Self { thousandths: thousandths.ok_or_else(|| LimitError::Quantity { text: text.to_owned() })?, clock })
    }
}

/// `2 urgent_hour`, `0.5 work_day`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.thousandths / 1000, self.thousandths % 1000);
        write!(f, "{whole}")?;
        if rest > 0 {
            write!(f, ".{}", format!("{rest:03}").trim_end_matches('0'))?;
        }
        write!(f, " {}", self.clock)
    }
}

fn parse_thousandths(number: &str) -> Option<u32> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.len() > 3 || (number.contains('.') && decimals.is_empty()) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let decimals: u32 = format!("{decimals:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(decimals)
}

/// Chinese keyboards give full-width digits, letters and signs.
fn to_half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (u32, Clock) {
        let limit = Limit::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Limit::parse(&limit.to_string()), Ok(limit), "{limit}");
        (limit.thousandths(), limit.clock())
    }

    #[test]
    fn limits_are_read_as_offices_write_them() {
        for (text, quantity, clock) in [
            ("2紧急工作时", 2, Clock::UrgentHour),
            ("4工作时", 4, Clock::WorkHour),
            ("4小时", 4, Clock::WorkHour),
            ("2工作日", 2, Clock::WorkDay),
            ("2天", 2, Clock::WorkDay),
            ("1紧急工作日", 1, Clock::NaturalDay),
            ("1自然日", 1, Clock::NaturalDay),
            ("１２ 个工作日", 12, Clock::WorkDay),
            ("2 urgent hours", 2, Clock::UrgentHour),
            ("1 Urgent Hour", 1, Clock::UrgentHour),
            ("4 working hours", 4, Clock::WorkHour),
            ("5 business days", 5, Clock::WorkDay),
            ("1 calendar day", 1, Clock::NaturalDay),
            (" 3 work_day ", 3, Clock::WorkDay),
        ] {
            assert_eq!(parse(text), (quantity * 1000, clock), "{text}");
        }
        assert_eq!(parse("0.5工作日"), (500, Clock::WorkDay));
        assert_eq!(parse("1．25 小时"), (1250, Clock::WorkHour));
    }

    #[test]
    fn what_is_no_limit_is_named_with_the_forms_that_are() {
        for text in ["", "工作日", "4", "four hours", "立即", "-2工作日", "2工作日内", "1.工作日"] {
            let error = Limit::parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
        assert!(matches!(Limit::parse("4 hours"), Err(LimitError::Clock { .. })));
        assert!(Limit::parse("soon").unwrap_err().to_string().contains("2紧急工作时"));
        for text in ["0天", "0.0000小时", "3661天", "99999999999天", "1.2345天"] {
            assert!(matches!(Limit::parse(text), Err(LimitError::Quantity { .. })), "{text}");
        }
        assert_eq!(Limit::new(0, Clock::WorkDay), None);
    }
}
