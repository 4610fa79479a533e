//! What workers have learned, and until when that lasts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::roster::WorkerId;

/// The longest name of a skill, bytes.
pub const SKILL_BYTES_MAX: usize = 128;

/// Something that a worker has learned: a course, a licence, a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skill {
    pub worker: WorkerId,
    pub name: String,
    pub since: Timestamp,
    /// When it has to be learned again, exclusive; never where it is left out.
    pub expires: Option<Timestamp>,
}

impl Skill {
    pub fn has_expired(&self, at: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= at)
    }

    /// Whether it was learned by `at` and has not expired then.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.since <= at && !self.has_expired(at)
    }

    /// Whether a text can be the name of a skill.
    pub fn is_name(text: &str) -> bool {
        (1..=SKILL_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
    }
}

/// Returns the skills that end before `before`, the first to end first. What was learned again lasts as long as the longest says.
pub fn find_lapsing(skills: &[Skill], before: Timestamp) -> Vec<&Skill> {
    let mut longest: BTreeMap<(&WorkerId, &str), &Skill> = BTreeMap::new();
    // One without an end lasts.
    let end = |skill: &Skill| skill.expires.unwrap_or(Timestamp::MAX);
    for skill in skills {
        let known = longest.entry((&skill.worker, &skill.name)).or_insert(skill);
        if end(skill) > end(known) {
            *known = skill;
        }
    }
    let mut lapsing: Vec<&Skill> = longest.into_values().filter(|skill| skill.expires.is_some_and(|end| end < before)).collect();
    lapsing.sort_by_key(|skill| skill.expires);
    lapsing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_again_lasts_as_long_as_the_longest_says() {
        let day = |n: i64| Timestamp::from_second(n * 86_400).unwrap();
        let skill = |worker: &str, name: &str, expires: Option<i64>| Skill {
            worker: WorkerId(worker.into()),
            name: name.to_owned(),
            since: day(0),
            expires: expires.map(day),
        };
        let skills = [
            skill("a", "first aid", Some(9)),
            skill("a", "first aid", Some(5)),
            skill("a", "ladders", Some(3)),
            skill("a", "ladders", None),
            skill("b", "first aid", Some(4)),
            skill("b", "first aid", Some(40)),
            skill("b", "ladders", Some(2)),
        ];
        assert_eq!(find_lapsing(&skills, day(10)), [&skills[6], &skills[0]]);
        assert!(find_lapsing(&skills, day(2)).is_empty(), "what ends with the last day asked for is not told");
    }
}
