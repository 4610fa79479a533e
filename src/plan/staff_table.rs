use super::census::Census;
use super::staffing::{ApportionError, Apportionment, Staffing, apportion, fewest_under};

/// What somebody wants to know of how many workers a city needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StaffQuestion {
    /// How many there are; as many as districts today where none is named, or as few as keep the ceiling.
    pub workers: Option<u32>,
    pub method: Apportionment,
    /// The most that a worker may carry.
    pub ceiling: Option<f64>,
    /// What a worker costs, in any money and for any time.
    pub cost_each: Option<f64>,
    /// Other numbers to compare with.
    pub what_if: Vec<u32>,
}

/// Workers shared out among the communities of a city.
#[derive(Clone, Debug, PartialEq)]
pub struct StaffTable {
    pub rows: Vec<StaffRow>,
    pub staffing: Staffing,
    /// What today's numbers come to; none where no plan of today is known.
    pub today: Option<Staffing>,
    /// Those of the other numbers for which there is room.
    pub what_if: Vec<Staffing>,
}

/// The workers of one community.
#[derive(Clone, Debug, PartialEq)]
pub struct StaffRow {
    pub community: u32,
    pub load: f64,
    pub today: Option<u32>,
    pub workers: u32,
    /// The fewest with whom nobody is over the ceiling, where there is one.
    pub fewest: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StaffError {
    #[error(transparent)]
    Apportion(#[from] ApportionError),
    #[error("no plan of today says how many workers there are; name their number, or a ceiling for what one may carry")]
    NoNumber,
}

impl StaffRow {
    pub fn load_per_worker(&self) -> f64 {
        self.load / f64::from(self.workers.max(1))
    }
}

impl StaffTable {
    /// Shares workers out by load.
    ///
    /// # Errors
    /// It is not known how many there are, or there is no room for them.
    pub fn of(census: &Census, question: &StaffQuestion) -> Result<Self, StaffError> {
        let Census { load, community, today, .. } = census;
        let communities = community.iter().max().map_or(0, |last| *last as usize + 1);
        let (mut loads, mut rooms) = (vec![0.0; communities], vec![0u32; communities]);
        for (load, community) in load.iter().zip(community) {
            loads[*community as usize] += load;
            rooms[*community as usize] += 1;
        }
        let today = today_by_community(&today.of, community, today.names.len(), communities);
        let fewest = question.ceiling.map(|ceiling| fewest_under(&loads, ceiling));
        let known = question.workers.or_else(|| Some(today.as_ref()?.iter().sum())).or_else(|| fewest.as_deref().map(add_up));
        let given = apportion(&loads, &rooms, known.ok_or(StaffError::NoNumber)?, question.method)?;
        let staffing = |given: &[u32]| Staffing::of(&loads, given, question.ceiling, question.cost_each);
        let what_if = |workers: &u32| Some(staffing(&apportion(&loads, &rooms, *workers, question.method).ok()?));
        let rows = (0..communities).map(|at| StaffRow {
            community: at as u32,
            load: loads[at],
            today: today.as_ref().map(|today| today[at]),
            workers: given[at],
            fewest: fewest.as_ref().map(|fewest| fewest[at]),
        });
        Ok(Self {
            rows: rows.collect(),
            staffing: staffing(&given),
            today: today.as_deref().map(staffing),
            what_if: question.what_if.iter().filter_map(what_if).collect(),
        })
    }

    /// Returns the fewest workers with whom nobody is over the ceiling, where there is one.
    pub fn fewest(&self) -> Option<u64> {
        self.rows.iter().map(|row| row.fewest.map(u64::from)).sum()
    }
}

/// Adds numbers of workers up; more than can be counted are as many as can, for whom there is no room.
fn add_up(workers: &[u32]) -> u32 {
    workers.iter().fold(0, |sum: u32, workers| sum.saturating_add(*workers))
}

/// Counts a district where most of its units lie.
fn today_by_community(today: &[Option<u32>], community: &[u32], districts: usize, communities: usize) -> Option<Vec<u32>> {
    if districts == 0 {
        return None;
    }
    let mut pairs: Vec<(u32, u32)> = today.iter().zip(community).filter_map(|(today, community)| Some(((*today)?, *community))).collect();
    pairs.sort_unstable();
    let mut counts = vec![0; communities];
    for district in pairs.chunk_by(|a, b| a.0 == b.0) {
        let most = district.chunk_by(|a, b| a.1 == b.1).max_by_key(|part| part.len());
        most.iter().for_each(|part| counts[part[0].1 as usize] += 1);
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_district_is_counted_where_most_of_its_units_lie() {
        let today = [Some(0), Some(0), Some(0), Some(1), None];
        assert_eq!(today_by_community(&today, &[0, 1, 1, 0, 0], 2, 2), Some(vec![1, 1]));
    }

    #[test]
    fn a_city_without_numbers_asks_for_one() {
        let census = Census { load: vec![0.0; 2], community: vec![0; 2], ..Census::default() };
        assert_eq!(StaffTable::of(&census, &StaffQuestion::default()), Err(StaffError::NoNumber));
        let two = StaffTable::of(&census, &StaffQuestion { workers: Some(2), ..StaffQuestion::default() }).unwrap();
        assert_eq!((two.rows[0].workers, two.fewest(), two.today), (2, None, None));
        // So small a ceiling asks for more workers than there are people.
        let tiny = StaffQuestion { ceiling: Some(1e-300), ..StaffQuestion::default() };
        let census = Census { load: vec![1.0; 2], ..census };
        assert!(matches!(StaffTable::of(&census, &tiny), Err(StaffError::Apportion(ApportionError::TooMany { .. }))));
    }
}
