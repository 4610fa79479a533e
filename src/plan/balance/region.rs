use std::ops::Range;

/// No district, no unit.
pub(super) const NONE: u32 = u32::MAX;

/// The units of one community, or of some districts of it, numbered afresh so that what is worked on lies together in memory.
///
/// Borders with units outside the region are left out: whatever happens inside, they stay borders.
#[derive(Clone, Debug, Default)]
pub(super) struct Region {
    /// `starts[u]..starts[u + 1]` are the half-edges of unit `u`.
    pub starts: Vec<u32>,
    /// The unit at the other end of a half-edge.
    pub to: Vec<u32>,
    /// The unit that a half-edge starts at.
    pub from: Vec<u32>,
    /// The same border seen from the other side.
    pub mate: Vec<u32>,
    /// The length of a border in mean borders of the region, so that weights do not depend on the size of units.
    pub border: Vec<f32>,
    pub load: Vec<f64>,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub area: Vec<f32>,
    /// The district that a unit is in today, or [`NONE`].
    pub home: Vec<u32>,
    pub is_locked: Vec<bool>,
    pub limits: Vec<RegionLimit>,
    pub districts: u32,
    pub bounds: Bounds,
    /// Whether a district that has ground of its own today must keep some of it.
    pub keeps_home: bool,
}

/// A figure of the units of which no district may have more, or less, than so much.
#[derive(Clone, Debug, Default)]
pub(super) struct RegionLimit {
    pub value: Vec<f64>,
    pub least: f64,
    pub most: f64,
}

/// What a district of a community may carry.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    pub target: f64,
    pub low: f64,
    pub high: f64,
}

impl Bounds {
    pub fn holds(&self, load: f64) -> bool {
        // Sums of the same loads in another order differ in the last bits.
        let slack = self.target.abs() * 1e-9;
        load >= self.low - slack && load <= self.high + slack
    }

    /// How far a load is outside, 0 inside.
    pub fn excess(&self, load: f64) -> f64 {
        if self.holds(load) { 0.0 } else { (load - self.high).max(self.low - load) }
    }

    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.low, self.high)
    }

    pub(super) fn half(&self) -> f64 {
        ((self.high - self.low) / 2.0).max(self.target.abs() * 1e-6).max(f64::MIN_POSITIVE)
    }
}

/// What a region is made of.
pub(super) struct Parts {
    pub load: Vec<f64>,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub area: Vec<f32>,
    pub home: Vec<u32>,
    pub is_locked: Vec<bool>,
    pub limits: Vec<RegionLimit>,
}

impl RegionLimit {
    /// Returns how far a sum is above and below what it may be, as parts of either; 0 within.
    pub fn excess(&self, sum: f64) -> (f64, f64) {
        // Sums of the same figures in another order differ in the last bits.
        let beyond = |share: f64| if share > 1e-9 { share } else { 0.0 };
        (beyond(sum / self.most - 1.0), if self.least > 0.0 { beyond(1.0 - sum / self.least) } else { 0.0 })
    }

    /// Takes the figures of some units out.
    pub fn of(&self, units: &[u32]) -> Self {
        Self { value: units.iter().map(|unit| self.value[*unit as usize]).collect(), least: self.least, most: self.most }
    }
}

impl Region {
    /// `borders` has each pair once.
    pub fn new(parts: Parts, borders: &[(u32, u32, f32)], districts: u32, bounds: Bounds) -> Self {
        let count = parts.load.len();
        let mut starts = vec![0u32; count + 1];
        for (a, b, _) in borders {
            starts[*a as usize + 1] += 1;
            starts[*b as usize + 1] += 1;
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let halves = 2 * borders.len();
        let (mut to, mut from, mut mate, mut border) = (vec![0; halves], vec![0; halves], vec![0; halves], vec![0f32; halves]);
        let all: f64 = borders.iter().map(|(_, _, length)| f64::from(*length)).sum();
        let mean = if all > 0.0 { (all / borders.len() as f64) as f32 } else { 1.0 };
        for (a, b, length) in borders {
            let places = [*a, *b].map(|unit| {
                let place = next[unit as usize];
                next[unit as usize] += 1;
                place
            });
            for (side, (this, that)) in [(*a, *b), (*b, *a)].into_iter().enumerate() {
                let place = places[side] as usize;
                (to[place], from[place], mate[place], border[place]) = (that, this, places[1 - side], length / mean);
            }
        }
        let Parts { load, x, y, area, home, is_locked, limits } = parts;
        Self { starts, to, from, mate, border, load, x, y, area, home, is_locked, limits, districts, bounds, keeps_home: false }
    }

    pub fn len(&self) -> usize {
        self.load.len()
    }

    pub fn units(&self) -> Range<u32> {
        0..u32::try_from(self.len()).expect("units are counted in 32 bits")
    }

    pub fn halves(&self, unit: u32) -> Range<usize> {
        self.starts[unit as usize] as usize..self.starts[unit as usize + 1] as usize
    }

    pub fn beside(&self, unit: u32) -> &[u32] {
        &self.to[self.halves(unit)]
    }

    /// Measures borders by the size of the districts on both sides, so that a winding border in town weighs as much as one in the country:
    /// how compact a district is does not depend on how large it is.
    pub fn scale_borders(&mut self, of: &[u32]) {
        let mut areas = vec![0f64; self.districts as usize];
        of.iter().zip(&self.area).for_each(|(district, area)| areas[*district as usize] += f64::from(*area));
        let size = |unit: u32| areas[of[unit as usize] as usize];
        let scale = |half: usize| 1.0 / f64::midpoint(size(self.from[half]), size(self.to[half])).max(f64::MIN_POSITIVE).sqrt();
        let scaled: Vec<f64> = (0..self.border.len()).map(|half| f64::from(self.border[half]) * scale(half)).collect();
        let mean = scaled.iter().sum::<f64>() / scaled.len().max(1) as f64;
        if mean > 0.0 && mean.is_finite() {
            self.border = scaled.into_iter().map(|border| (border / mean) as f32).collect();
        }
    }

    /// Takes some districts of a plan out as a region of their own; `units` are theirs, `place_of` has room for every unit of this
    /// region and holds [`NONE`] before and after.
    pub fn cut_out(&self, of: &[u32], districts: &[u32], units: &[u32], place_of: &mut [u32]) -> (Self, Vec<u32>) {
        let local = |district: u32| {
            let place = districts.iter().position(|known| *known == district);
            place.map_or(NONE, |place| u32::try_from(place).expect("districts are counted in 32 bits"))
        };
        for (place, unit) in (0u32..).zip(units) {
            place_of[*unit as usize] = place;
        }
        let mut starts = Vec::with_capacity(units.len() + 1);
        let (mut to, mut from, mut border) = (Vec::new(), Vec::new(), Vec::new());
        starts.push(0u32);
        for (place, unit) in (0u32..).zip(units) {
            for half in self.halves(*unit) {
                let other = place_of[self.to[half] as usize];
                if other != NONE {
                    to.push(other);
                    from.push(place);
                    border.push(self.border[half]);
                }
            }
            starts.push(u32::try_from(to.len()).expect("borders are counted in 32 bits"));
        }
        let mut region = Self {
            mate: vec![NONE; to.len()],
            starts,
            to,
            from,
            border,
            load: units.iter().map(|unit| self.load[*unit as usize]).collect(),
            x: units.iter().map(|unit| self.x[*unit as usize]).collect(),
            y: units.iter().map(|unit| self.y[*unit as usize]).collect(),
            area: units.iter().map(|unit| self.area[*unit as usize]).collect(),
            home: units.iter().map(|unit| self.home[*unit as usize]).map(local).collect(),
            is_locked: units.iter().map(|unit| self.is_locked[*unit as usize]).collect(),
            limits: self.limits.iter().map(|limit| limit.of(units)).collect(),
            districts: u32::try_from(districts.len()).expect("districts are counted in 32 bits"),
            bounds: self.bounds,
            keeps_home: self.keeps_home,
        };
        region.pair_up();
        for unit in units {
            place_of[*unit as usize] = NONE;
        }
        let of = units.iter().map(|unit| local(of[*unit as usize])).collect();
        (region, of)
    }

    fn pair_up(&mut self) {
        for half in 0..self.to.len() {
            if self.mate[half] == NONE {
                let (unit, other) = (self.from[half], self.to[half]);
                let back = self.halves(other).find(|back| self.to[*back] == unit).expect("a border is seen from both sides");
                self.mate[half] = u32::try_from(back).expect("borders are counted in 32 bits");
                self.mate[back] = u32::try_from(half).expect("borders are counted in 32 bits");
            }
        }
    }
}
