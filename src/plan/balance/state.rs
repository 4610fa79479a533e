use super::region::{NONE, Region};

/// A plan of a region in the making: who is in which district, with all that a move needs at hand.
#[derive(Clone, Debug)]
pub(super) struct State<'a> {
    pub region: &'a Region,
    /// The district of each unit.
    pub of: Vec<u32>,
    pub load: Vec<f64>,
    pub count: Vec<u32>,
    /// Of each limited figure what each district has.
    pub limited: Vec<Vec<f64>>,
    /// How many units each district has that are in it today, where some must stay.
    at_home: Vec<u32>,
    /// Half-edges between two districts, in no order.
    pub cut: Vec<u32>,
    /// Where a half-edge stands in `cut`, or [`NONE`].
    cut_place: Vec<u32>,
    scratch: Scratch,
}

/// Memory for walks, kept from one to the next.
#[derive(Clone, Debug, Default)]
struct Scratch {
    stamp: u32,
    seen: Vec<u32>,
    queue: Vec<u32>,
    around: Vec<u32>,
    group: Vec<u32>,
}

impl<'a> State<'a> {
    /// Begins with a plan in which every unit is in a district.
    pub fn new(region: &'a Region, of: Vec<u32>) -> Self {
        let mut load = vec![0.0; region.districts as usize];
        let mut count = vec![0; region.districts as usize];
        for (unit, district) in of.iter().enumerate() {
            load[*district as usize] += region.load[unit];
            count[*district as usize] += 1;
        }
        let mut limited = vec![vec![0.0; region.districts as usize]; region.limits.len()];
        for (limit, sums) in region.limits.iter().zip(&mut limited) {
            of.iter().zip(&limit.value).for_each(|(district, value)| sums[*district as usize] += value);
        }
        let scratch = Scratch { seen: vec![0; region.len()], ..Scratch::default() };
        let mut at_home = vec![0; if region.keeps_home { region.districts as usize } else { 0 }];
        if region.keeps_home {
            of.iter().zip(&region.home).filter(|(of, home)| of == home).for_each(|(of, _)| at_home[*of as usize] += 1);
        }
        let mut state =
            Self { region, of, load, count, limited, at_home, cut: Vec::new(), cut_place: vec![NONE; region.to.len()], scratch };
        for half in 0..region.to.len() {
            if state.of[region.from[half] as usize] != state.of[region.to[half] as usize] {
                state.add_cut(half);
            }
        }
        state
    }

    pub fn district(&self, unit: u32) -> u32 {
        self.of[unit as usize]
    }

    /// Returns how many districts are outside their bounds, and by how much load together.
    pub fn violations(&self) -> (usize, f64) {
        let excesses = (0..self.region.districts).map(|district| self.excess(district)).filter(|excess| *excess > 0.0);
        excesses.fold((0, 0.0), |(count, sum), excess| (count + 1, sum + excess))
    }

    /// How far a district is outside its bounds and limits, as load; 0 inside.
    pub fn excess(&self, district: u32) -> f64 {
        self.region.bounds.excess(self.load[district as usize]) + self.beyond_limits(district, None)
    }

    pub fn is_inside(&self, district: u32) -> bool {
        self.excess(district) == 0.0
    }

    /// How far a district would be outside with a unit more, or with one less.
    pub fn excess_with(&self, district: u32, unit: u32, is_more: bool) -> f64 {
        let sign = if is_more { 1.0 } else { -1.0 };
        let load = self.load[district as usize] + sign * self.region.load[unit as usize];
        self.region.bounds.excess(load) + self.beyond_limits(district, Some((unit, sign)))
    }

    /// Whether a district has to give or to take so that it comes within its limits; none where it is within them, or must do both.
    pub fn must_give(&self, district: u32) -> Option<bool> {
        let (over, under) = self.off_limits(district, None);
        if (over > 0.0) == (under > 0.0) { None } else { Some(over > 0.0) }
    }

    /// How far a district is beyond its limits, each as a part of the target load.
    fn beyond_limits(&self, district: u32, change: Option<(u32, f64)>) -> f64 {
        let (over, under) = self.off_limits(district, change);
        (over + under) * self.region.bounds.target.abs().max(f64::MIN_POSITIVE)
    }

    /// How far a district is above its limits, and below, each as a part of the limit, with a unit more or less.
    fn off_limits(&self, district: u32, change: Option<(u32, f64)>) -> (f64, f64) {
        let (mut over, mut under) = (0.0, 0.0);
        for (limit, sums) in self.region.limits.iter().zip(&self.limited) {
            let value = sums[district as usize] + change.map_or(0.0, |(unit, sign)| sign * limit.value[unit as usize]);
            let (above, below) = limit.excess(value);
            over += above;
            under += below;
        }
        (over, under)
    }

    /// Returns the length of all borders between districts, in mean borders.
    pub fn cut_length(&self) -> f64 {
        self.cut.iter().map(|half| f64::from(self.region.border[*half as usize])).sum::<f64>() / 2.0
    }

    /// Returns the load of units that are not where they are today.
    pub fn moved(&self) -> f64 {
        let units = self.region.units().filter(|unit| self.region.home[*unit as usize] != NONE);
        units.filter(|unit| self.region.home[*unit as usize] != self.district(*unit)).map(|unit| self.region.load[unit as usize]).sum()
    }

    pub fn apply(&mut self, unit: u32, to: u32) {
        let from = self.of[unit as usize];
        debug_assert_ne!(from, to, "a unit moves to another district");
        self.of[unit as usize] = to;
        self.load[from as usize] -= self.region.load[unit as usize];
        self.load[to as usize] += self.region.load[unit as usize];
        for (limit, sums) in self.region.limits.iter().zip(&mut self.limited) {
            sums[from as usize] -= limit.value[unit as usize];
            sums[to as usize] += limit.value[unit as usize];
        }
        self.count[from as usize] -= 1;
        self.count[to as usize] += 1;
        if self.region.keeps_home {
            let home = self.region.home[unit as usize];
            self.at_home[from as usize] -= u32::from(home == from);
            self.at_home[to as usize] += u32::from(home == to);
        }
        for half in self.region.halves(unit) {
            let mate = self.region.mate[half] as usize;
            if self.of[self.region.to[half] as usize] == to {
                self.remove_cut(half);
                self.remove_cut(mate);
            } else {
                self.add_cut(half);
                self.add_cut(mate);
            }
        }
    }

    /// How many units of a district are in it today; known where some must stay.
    pub fn at_home(&self, district: u32) -> u32 {
        self.at_home.get(district as usize).copied().unwrap_or_default()
    }

    /// Whether a unit's district stays in one piece, there at all, and in a warm balance on ground that is its own today, without it.
    ///
    /// Its neighbours in the district are looked at first: where they hang together among themselves nothing else matters. Only
    /// otherwise is the district walked.
    pub fn is_removable(&mut self, unit: u32) -> bool {
        let district = self.of[unit as usize];
        if self.count[district as usize] < 2 {
            return false;
        }
        if self.region.keeps_home && self.region.home[unit as usize] == district && self.at_home[district as usize] == 1 {
            return false;
        }
        let (region, of, scratch) = (self.region, &self.of, &mut self.scratch);
        scratch.around.clear();
        scratch.around.extend(region.beside(unit).iter().filter(|other| of[**other as usize] == district));
        match scratch.around.len() {
            // An island of its own within a torn district: without it there is one piece less.
            0 | 1 => return true,
            _ => {}
        }
        scratch.join_around(region) || scratch.walk(region, of, unit)
    }

    fn add_cut(&mut self, half: usize) {
        if self.cut_place[half] == NONE {
            self.cut_place[half] = self.cut.len() as u32;
            self.cut.push(half as u32);
        }
    }

    fn remove_cut(&mut self, half: usize) {
        let place = std::mem::replace(&mut self.cut_place[half], NONE);
        if place != NONE {
            self.cut.swap_remove(place as usize);
            if let Some(moved) = self.cut.get(place as usize) {
                self.cut_place[*moved as usize] = place;
            }
        }
    }
}

impl Scratch {
    /// Whether the units of `around` hang together by the borders between two of them.
    fn join_around(&mut self, region: &Region) -> bool {
        let count = self.around.len();
        self.group.clear();
        self.group.extend(0..count as u32);
        let mut groups = count;
        for at in 1..count {
            for before in 0..at {
                let (a, b) = (self.group[at], self.group[before]);
                if a != b && region.beside(self.around[at]).contains(&self.around[before]) {
                    self.group.iter_mut().filter(|group| **group == a).for_each(|group| *group = b);
                    groups -= 1;
                    if groups == 1 {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Whether the units of `around` hang together by a way through their district that does not pass `without`.
    fn walk(&mut self, region: &Region, of: &[u32], without: u32) -> bool {
        // Two stamps a walk: one for what was seen, one for what is looked for.
        if self.stamp > u32::MAX - 2 {
            self.seen.fill(0);
            self.stamp = 0;
        }
        self.stamp += 2;
        let (seen, wanted) = (self.stamp, self.stamp - 1);
        let district = of[without as usize];
        self.around.iter().for_each(|unit| self.seen[*unit as usize] = wanted);
        self.seen[without as usize] = seen;
        let mut missing = self.around.len() - 1;
        self.queue.clear();
        self.queue.push(self.around[0]);
        self.seen[self.around[0] as usize] = seen;
        let mut at = 0;
        while let Some(unit) = self.queue.get(at).copied() {
            at += 1;
            for other in region.beside(unit) {
                let mark = &mut self.seen[*other as usize];
                if *mark == seen || of[*other as usize] != district {
                    continue;
                }
                if *mark == wanted {
                    missing -= 1;
                    if missing == 0 {
                        return true;
                    }
                }
                *mark = seen;
                self.queue.push(*other);
            }
        }
        false
    }
}
