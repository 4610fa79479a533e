//! Addresses and how one that somebody wrote is found among them: ranked, and never by a silent guess.

use rustc_hash::FxHashMap;

use super::nearby::distance_m;
use crate::boundary::Position;

/// Longest address that is looked for, characters.
pub const ADDRESS_CHARS_MAX: usize = 200;

/// Least likeness of what is offered: below it two texts have little more in common than a street's usual words.
const SCORE_MIN: f64 = 0.3;

/// Two entries nearer than this are one place, metres: the doors of one stairway.
const SAME_PLACE_M: f64 = 1.0;

/// Entries that are compared letter by letter, those that share most with what is looked for.
const COMPARED_MAX: usize = 2_000;

/// What an address names, as GB/T 30428.3 tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressKind {
    /// A quarter, a village or an estate (片区, 小区).
    Zone,
    /// A street or lane (街巷).
    Street,
    /// A door or building with its number (门牌, 楼牌).
    Plate,
    /// A place that people know by its name (兴趣点, 标志物).
    Poi,
}

impl AddressKind {
    pub const ALL: [Self; 4] = [Self::Zone, Self::Street, Self::Plate, Self::Poi];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Street => "street",
            Self::Plate => "plate",
            Self::Poi => "poi",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One entry of a table of addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressRow {
    pub kind: AddressKind,
    /// The parts, each empty where there is none: quarter, street, number, and the name of a place.
    pub zone: String,
    pub street: String,
    pub plate: String,
    pub name: String,
    /// Another name for it.
    pub alias: String,
    pub position: Position,
}

impl AddressRow {
    /// Returns the whole address, as it is shown.
    pub fn text(&self) -> String {
        [&self.zone, &self.street, &self.plate, &self.name].map(String::as_str).concat()
    }

    /// The texts by which it is meant beyond doubt: the whole, the whole without its quarter, its name, and its other name.
    fn exact(&self) -> Vec<String> {
        let without_zone = [&self.street, &self.plate, &self.name].map(String::as_str).concat();
        let texts = [self.text(), without_zone, self.name.clone(), self.alias.clone()];
        let mut keys: Vec<String> = texts.iter().map(|text| plain(text)).filter(|text| !text.is_empty()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The street with the number at which a place with a name is, with its quarter and without.
    fn door(&self) -> Vec<String> {
        if self.name.is_empty() || self.street.is_empty() || self.plate.is_empty() {
            return Vec::new();
        }
        let without_zone = plain(&[&*self.street, &*self.plate].concat());
        let whole = plain(&[&*self.zone, &*self.street, &*self.plate].concat());
        if self.zone.is_empty() { vec![whole] } else { vec![whole, without_zone] }
    }
}

/// An entry that may be meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate<'a> {
    pub row: &'a AddressRow,
    /// How much alike the texts are, 0 to 1; 1 where they are the same.
    pub score: f64,
    pub is_exact: bool,
}

/// What an address means.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning<'a> {
    /// One place, beyond doubt.
    One(&'a AddressRow),
    /// Several places have this very address.
    Several(Vec<Candidate<'a>>),
    /// No entry has it; these are the most alike, perhaps none.
    Unknown(Vec<Candidate<'a>>),
}

/// All addresses, with pairs of letters by which they are found.
#[derive(Debug, Default)]
pub struct AddressBook {
    rows: Vec<AddressRow>,
    /// The whole address of each row without what does not count.
    plain: Vec<String>,
    exact: FxHashMap<String, Vec<u32>>,
    /// Places with a name by their street and number, which is theirs where no entry is that door itself.
    by_door: FxHashMap<String, Vec<u32>>,
    by_pair: FxHashMap<[char; 2], Vec<u32>>,
}

impl AddressBook {
    pub fn new(rows: Vec<AddressRow>) -> Self {
        let mut book = Self { plain: rows.iter().map(|row| plain(&row.text())).collect(), ..Self::default() };
        for (row, number) in rows.iter().zip(0_u32..) {
            for key in row.exact() {
                book.exact.entry(key).or_default().push(number);
            }
            for key in row.door() {
                book.by_door.entry(key).or_default().push(number);
            }
            let mut own: Vec<[char; 2]> = pairs(&book.plain[number as usize]);
            own.extend(pairs(&plain(&row.alias)));
            own.sort_unstable();
            own.dedup();
            for pair in own {
                book.by_pair.entry(pair).or_default().push(number);
            }
        }
        book.rows = rows;
        book
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Says what an address means. It is one place only where an entry has this very address, white space, signs, width and the way in
    /// which numbers are written aside, and no entry elsewhere has it too. A place with a name has that of its street and number, unless an
    /// entry is that door itself.
    pub fn find(&self, text: &str, limit: usize) -> Meaning<'_> {
        let asked = plain(text);
        let found = self.exact.get(&asked).or_else(|| self.by_door.get(&asked));
        let same: Vec<&AddressRow> = found.into_iter().flatten().map(|at| &self.rows[*at as usize]).collect();
        if let Some((first, others)) = same.split_first() {
            if others.iter().all(|other| distance_m(first.position, other.position) <= SAME_PLACE_M) {
                return Meaning::One(first);
            }
            let exact = |row| Candidate { row, score: 1.0, is_exact: true };
            return Meaning::Several(same.into_iter().take(limit).map(exact).collect());
        }
        Meaning::Unknown(self.rank(&asked, limit))
    }

    /// Returns the entries that are most alike, the likest first and then by their texts.
    pub fn candidates(&self, text: &str, limit: usize) -> Vec<Candidate<'_>> {
        match self.find(text, limit) {
            Meaning::One(row) => {
                let mut ranked = vec![Candidate { row, score: 1.0, is_exact: true }];
                ranked.extend(self.rank(&plain(text), limit).into_iter().filter(|other| other.row != row));
                ranked.truncate(limit);
                ranked
            }
            Meaning::Several(candidates) | Meaning::Unknown(candidates) => candidates,
        }
    }

    fn rank(&self, asked: &str, limit: usize) -> Vec<Candidate<'_>> {
        let mut wanted = pairs(asked);
        wanted.sort_unstable();
        wanted.dedup();
        let mut shared: FxHashMap<u32, u32> = FxHashMap::default();
        for pair in &wanted {
            self.by_pair.get(pair).into_iter().flatten().for_each(|row| *shared.entry(*row).or_default() += 1);
        }
        let mut likely: Vec<(u32, u32)> = shared.into_iter().collect();
        likely.sort_unstable_by_key(|(row, count)| (std::cmp::Reverse(*count), *row));
        likely.truncate(COMPARED_MAX);
        let score = |(row, _): (u32, u32)| {
            let row_at = &self.rows[row as usize];
            let best = likeness(asked, &self.plain[row as usize]).max(likeness(asked, &plain(&row_at.alias)));
            Candidate { row: row_at, score: best, is_exact: false }
        };
        let mut ranked: Vec<Candidate<'_>> = likely.into_iter().map(score).filter(|candidate| candidate.score >= SCORE_MIN).collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.row.text().cmp(&b.row.text())));
        ranked.truncate(limit);
        ranked
    }
}

/// How much alike two texts are: twice the pairs of letters that they share, by all that they have (Dice 1945). Other numbers make
/// another door, so texts whose numbers differ are half as alike.
fn likeness(a: &str, b: &str) -> f64 {
    let (mut left, mut right) = (pairs(a), pairs(b));
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    left.sort_unstable();
    right.sort_unstable();
    let (mut at, mut shared) = (0, 0);
    for pair in &left {
        while at < right.len() && right[at] < *pair {
            at += 1;
        }
        if at < right.len() && right[at] == *pair {
            shared += 1;
            at += 1;
        }
    }
    let all = u32::try_from(left.len() + right.len()).unwrap_or(u32::MAX);
    let score = f64::from(2 * shared) / f64::from(all);
    let same_numbers = numbers(a).iter().all(|number| numbers(b).contains(number));
    if same_numbers { score } else { score / 2.0 }
}

/// The pairs of letters that follow each other, with the ends marked, so that a text of one letter has some.
fn pairs(text: &str) -> Vec<[char; 2]> {
    if text.is_empty() {
        return Vec::new();
    }
    let letters: Vec<char> = std::iter::once('^').chain(text.chars()).chain(['$']).collect();
    letters.windows(2).map(|pair| [pair[0], pair[1]]).collect()
}

fn numbers(text: &str) -> Vec<&str> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter(|number| !number.is_empty()).collect()
}

/// Returns a text without what does not tell addresses apart: white space, signs, width and case, and with numbers before 号 and the like
/// in digits.
pub(super) fn plain(text: &str) -> String {
    let narrow = |letter: char| match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        other => other,
    };
    let letters: Vec<char> = text.chars().map(narrow).flat_map(char::to_lowercase).filter(|letter| letter.is_alphanumeric()).collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let end = at + letters[at..].iter().take_while(|letter| digit_of(**letter).is_some()).count();
        let counts = letters.get(end).is_some_and(|next| "号弄巷栋幢楼座室单层组队".contains(*next));
        match (end > at && counts).then(|| number_of(&letters[at..end])).flatten() {
            Some(number) => out.push_str(&number.to_string()),
            None if end > at => out.extend(&letters[at..end]),
            None => {
                out.push(letters[at]);
                at += 1;
                continue;
            }
        }
        at = end;
    }
    out
}

fn digit_of(letter: char) -> Option<u32> {
    "零一二三四五六七八九十百".chars().position(|digit| digit == letter).and_then(|digit| u32::try_from(digit).ok())
}

/// Reads a number below a thousand as it is written, such as 一百零三, or digit by digit, such as 一〇三 without its words.
fn number_of(letters: &[char]) -> Option<u32> {
    let digits: Vec<u32> = letters.iter().filter_map(|letter| digit_of(*letter)).collect();
    if digits.iter().all(|digit| *digit < 10) {
        return digits.iter().try_fold(0_u32, |number, digit| number.checked_mul(10)?.checked_add(*digit));
    }
    let (mut number, mut last) = (0, None);
    for digit in digits {
        match digit {
            10 => number += last.take().unwrap_or(1) * 10,
            11 => number += last.take().unwrap_or(1) * 100,
            0 => {}
            digit => last = Some(digit),
        }
    }
    Some(number + last.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: AddressKind, [zone, street, plate, name]: [&str; 4], lon: f64) -> AddressRow {
        let [zone, street, plate, name] = [zone, street, plate, name].map(str::to_owned);
        AddressRow { kind, zone, street, plate, name, alias: String::new(), position: Position { lon, lat: 26.2 } }
    }

    fn book() -> AddressBook {
        AddressBook::new(vec![
            row(AddressKind::Plate, ["徐家井", "芝山路", "12号", ""], 111.60),
            row(AddressKind::Plate, ["徐家井", "芝山路", "112号", ""], 111.61),
            row(AddressKind::Plate, ["南津渡", "解放路", "5号", ""], 111.62),
            row(AddressKind::Plate, ["朝阳", "解放路", "5号", ""], 111.63),
            AddressRow { alias: "人民医院".into(), ..row(AddressKind::Poi, ["徐家井", "", "", "零陵区人民医院"], 111.64) },
            row(AddressKind::Zone, ["", "", "", "锦绣花园"], 111.65),
        ])
    }

    #[test]
    fn what_is_written_otherwise_is_the_same_address() {
        for (a, b) in [
            ("芝山路 12 号", "芝山路十二号"),
            ("芝山路１２号", "芝山路12号"),
            ("芝山路，12号", "芝山路12号"),
            ("A栋", "a栋"),
            ("一百零三号", "103号"),
            ("二十号", "20号"),
        ] {
            assert_eq!(plain(a), plain(b), "{a} and {b}");
        }
        // Names of places keep their words.
        assert_eq!(plain("三里桥"), "三里桥");
        assert_eq!(plain("五一广场"), "五一广场");
    }

    #[test]
    fn one_place_is_meant_only_where_an_entry_has_this_very_address_and_no_other() {
        let book = book();
        let one = |text: &str| match book.find(text, 5) {
            Meaning::One(row) => row.position.lon,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!((one("徐家井芝山路12号"), one("芝山路十二号")), (111.60, 111.60));
        assert_eq!((one("人民医院"), one("锦绣 花园")), (111.64, 111.65));
        assert_eq!(one("朝阳解放路5号"), 111.63);
        let Meaning::Several(several) = book.find("解放路5号", 5) else { panic!("two streets have the name") };
        assert_eq!(several.iter().map(|candidate| candidate.row.position.lon).collect::<Vec<_>>(), [111.62, 111.63]);
        // As good as the same is not the same.
        for unsure in ["芝山路13号", "芝山路", "零陵人民医院", "12号"] {
            assert!(matches!(book.find(unsure, 5), Meaning::Unknown(_)), "{unsure}");
        }
    }

    #[test]
    fn a_place_with_a_name_has_the_address_of_its_door() {
        let named = |name: &str, lon: f64| row(AddressKind::Poi, ["徐家井", "芝山路", "12号", name], lon);
        let found = |rows: &[AddressRow], text: &str| match AddressBook::new(rows.to_vec()).find(text, 5) {
            Meaning::One(row) => vec![row.position.lon],
            Meaning::Several(several) => several.iter().map(|candidate| candidate.row.position.lon).collect(),
            Meaning::Unknown(_) => Vec::new(),
        };
        let (shop, bank) = (named("便民超市", 111.60), named("农业银行", 111.61));
        for text in ["芝山路12号", "徐家井芝山路十二号"] {
            assert_eq!(found(std::slice::from_ref(&shop), text), [111.60], "{text}");
            assert_eq!(found(&[shop.clone(), bank.clone()], text), [111.60, 111.61], "two places have it: {text}");
            let door = row(AddressKind::Plate, ["徐家井", "芝山路", "12号", ""], 111.62);
            assert_eq!(found(&[shop.clone(), bank.clone(), door], text), [111.62], "the door itself is meant: {text}");
        }
        for unsure in ["12号", "芝山路", "芝山路112号"] {
            assert!(found(std::slice::from_ref(&shop), unsure).is_empty(), "{unsure}");
        }
    }

    #[test]
    fn candidates_are_ranked_by_likeness_and_another_number_counts_against_them() {
        let book = book();
        let found = |text: &str| book.candidates(text, 3).iter().map(|candidate| candidate.row.text()).collect::<Vec<_>>();
        assert_eq!(found("徐家井街道芝山路12号")[0], "徐家井芝山路12号");
        assert_eq!(found("零陵人民医院")[0], "徐家井零陵区人民医院");
        assert_eq!(found("芝山路13号").len(), 0, "no door is offered for another number");
        assert_eq!(found("火车站"), Vec::<String>::new());
        let scores: Vec<f64> = book.candidates("徐家井芝山路", 9).iter().map(|candidate| candidate.score).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b) && !scores.is_empty(), "{scores:?}");
    }
}
