use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How workers, or districts, are shared out among communities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Apportionment {
    /// By the divisors 1, 3, 5… (Webster; Sainte-Laguë 1910): no community gains at another's expense from rounding, so loads per
    /// worker stay near the mean on both sides.
    #[default]
    SainteLague,
    /// By the divisors 0, 1, 2… (Adams): the load of the worker who has most is as small as it can be.
    MinMax,
}

/// Why workers cannot be shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApportionError {
    #[error("{seats} are fewer than the {communities} parents, each of which needs one")]
    TooFew { seats: u32, communities: usize },
    #[error("{seats} are more than the {rooms} base units, each of which goes to one only")]
    TooMany { seats: u32, rooms: u64 },
}

/// Shares `seats` out among communities by their loads: at least one to each, and at most as many as `rooms` says.
///
/// # Errors
/// There are fewer seats than communities, or more than rooms.
pub fn apportion(loads: &[f64], rooms: &[u32], seats: u32, method: Apportionment) -> Result<Vec<u32>, ApportionError> {
    if (seats as usize) < loads.len() {
        return Err(ApportionError::TooFew { seats, communities: loads.len() });
    }
    let all_rooms: u64 = rooms.iter().map(|rooms| u64::from(*rooms)).sum();
    if u64::from(seats) > all_rooms {
        return Err(ApportionError::TooMany { seats, rooms: all_rooms });
    }
    let claim = |load: f64, has: u32| match method {
        Apportionment::SainteLague => load / f64::from(2 * has + 1),
        Apportionment::MinMax => load / f64::from(has),
    };
    let mut given: Vec<u32> = rooms.iter().map(|rooms| 1.min(*rooms)).collect();
    let mut claims: BinaryHeap<(Claim, Reverse<usize>)> = loads
        .iter()
        .enumerate()
        .filter(|(at, _)| given[*at] < rooms[*at])
        .map(|(at, load)| (Claim(claim(*load, 1)), Reverse(at)))
        .collect();
    for _ in given.iter().sum::<u32>()..seats {
        let Some((_, Reverse(at))) = claims.pop() else { break };
        given[at] += 1;
        if given[at] < rooms[at] {
            claims.push((Claim(claim(loads[at], given[at])), Reverse(at)));
        }
    }
    Ok(given)
}

/// Returns the least number of workers with which none has more than `ceiling`, for each community.
///
/// Loads are taken for divisible; a base unit that is heavier than the ceiling by itself shows only when districts are drawn.
pub fn fewest_under(loads: &[f64], ceiling: f64) -> Vec<u32> {
    // A sum that meets the ceiling but for its last bits needs no further worker.
    loads.iter().map(|load| (load / ceiling - 1e-9).ceil().max(1.0) as u32).collect()
}

/// What a number of workers comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Staffing {
    pub workers: u32,
    /// The load of the worker who has least, who has most, and of all on the mean, where a community's load is shared evenly among its own.
    /// Nobody has most where a community has load and nobody to carry it.
    pub load_min: f64,
    pub load_max: Option<f64>,
    pub load_mean: f64,
    /// Communities that have load and no worker.
    pub without_workers: Vec<u32>,
    /// Workers of communities whose load for each is over the ceiling, where there is one, and one for each community without workers.
    pub over_ceiling: u32,
    /// What all of them cost, where it is known what one does.
    pub cost: Option<f64>,
}

impl Staffing {
    pub fn of(loads: &[f64], given: &[u32], ceiling: Option<f64>, cost_each: Option<f64>) -> Self {
        let workers: u32 = given.iter().sum();
        let each = || loads.iter().zip(given).filter(|(_, given)| **given > 0).map(|(load, given)| (load / f64::from(*given), *given));
        let is_over = |load: f64| ceiling.is_some_and(|ceiling| load > ceiling * (1.0 + 1e-9));
        let has_nobody = (0u32..).zip(loads.iter().zip(given)).filter(|(_, (load, given))| **load > 0.0 && **given == 0);
        let without_workers: Vec<u32> = has_nobody.map(|(community, _)| community).collect();
        // However much one may carry, what nobody carries is more.
        let without_anybody = if ceiling.is_some() { without_workers.len() as u32 } else { 0 };
        Self {
            workers,
            load_min: each().map(|(load, _)| load).fold(f64::INFINITY, f64::min),
            load_max: without_workers.is_empty().then(|| each().map(|(load, _)| load).fold(0.0, f64::max)),
            load_mean: loads.iter().sum::<f64>() / f64::from(workers.max(1)),
            over_ceiling: each().filter(|(load, _)| is_over(*load)).map(|(_, given)| given).sum::<u32>() + without_anybody,
            without_workers,
            cost: cost_each.map(|cost| cost * f64::from(workers)),
        }
    }
}

#[derive(PartialEq)]
struct Claim(f64);

impl Eq for Claim {}

impl PartialOrd for Claim {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Claim {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: u32 = 1_000;

    fn share(loads: &[f64], seats: u32, method: Apportionment) -> Vec<u32> {
        apportion(loads, &vec![ROOM; loads.len()], seats, method).unwrap()
    }

    #[test]
    fn seats_go_out_as_in_the_textbook() {
        // The usual example of seven seats for 53, 24 and 23 votes; Sainte-Laguë gives 3, 2, 2 where D'Hondt gives 4, 2, 1.
        assert_eq!(share(&[53_000.0, 24_000.0, 23_000.0], 7, Apportionment::SainteLague), [3, 2, 2]);
    }

    #[test]
    fn the_most_loaded_worker_has_as_little_as_can_be() {
        // Against all ways to share out nine among three.
        for loads in [[50.0, 30.0, 11.0], [7.0, 7.0, 80.0], [1.0, 20.0, 21.0]] {
            let worst = |given: &[u32]| loads.iter().zip(given).map(|(load, given)| load / f64::from(*given)).fold(0.0, f64::max);
            let mut best = f64::INFINITY;
            for a in 1..=7 {
                for b in 1..=8 - a {
                    best = best.min(worst(&[a, b, 9 - a - b]));
                }
            }
            assert_eq!(worst(&share(&loads, 9, Apportionment::MinMax)), best, "{loads:?}");
        }
    }

    #[test]
    fn everybody_gets_one_and_nobody_more_than_there_is_room_for() {
        assert_eq!(apportion(&[0.0, 100.0, 1.0], &[5, 3, 9], 6, Apportionment::SainteLague), Ok(vec![1, 3, 2]));
        assert_eq!(apportion(&[1.0, 1.0], &[5, 5], 1, Apportionment::MinMax), Err(ApportionError::TooFew { seats: 1, communities: 2 }));
        assert_eq!(apportion(&[1.0], &[2], 3, Apportionment::MinMax), Err(ApportionError::TooMany { seats: 3, rooms: 2 }));
    }

    #[test]
    fn the_fewest_workers_keep_the_ceiling_and_one_less_does_not() {
        let loads = [100.0, 101.0, 0.0, 350.0];
        assert_eq!(fewest_under(&loads, 50.0), [2, 3, 1, 7]);
        assert_eq!(Staffing::of(&loads, &[2, 3, 1, 7], Some(50.0), None).over_ceiling, 0);
        assert_eq!(
            Staffing::of(&loads, &[2, 2, 1, 7], Some(50.0), Some(10.0)),
            Staffing {
                workers: 12,
                load_min: 0.0,
                load_max: Some(50.5),
                load_mean: 551.0 / 12.0,
                without_workers: Vec::new(),
                over_ceiling: 2,
                cost: Some(120.0)
            }
        );
    }

    #[test]
    fn load_that_nobody_carries_is_nobodys_and_over_every_ceiling() {
        let staffing = Staffing::of(&[100.0, 100.0, 0.0], &[2, 0, 0], Some(1000.0), None);
        assert_eq!((staffing.load_min, staffing.load_max, staffing.load_mean), (50.0, None, 100.0));
        assert_eq!((staffing.without_workers, staffing.over_ceiling), (vec![1], 1));
        assert_eq!(Staffing::of(&[100.0, 100.0], &[2, 0], None, None).over_ceiling, 0, "without a ceiling nothing is over it");
    }
}
