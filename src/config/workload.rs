//! How much work there is in a unit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the work of a unit is made of, and what one of each weighs. `[workload]`. With the defaults it is the number of its cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkloadConfig {
    /// A case of the usual kind. Default 1.
    pub cases: f64,
    /// Days back from now in which a case must have been reported to count. Default none: all count.
    pub days: Option<f64>,
    /// Days after which a case weighs half. Default none.
    pub half_life_days: Option<f64>,
    /// Hours in which the usual case is handled; one that took twice as long weighs twice, up to four times. Default none.
    pub usual_hours: Option<f64>,
    /// What cases weigh by the beginning of their category's code. Default 1 each.
    pub categories: BTreeMap<String, f64>,
    /// A square kilometre of ground. Default 0.
    pub area_km2: f64,
    /// A kilometre of the walk that calls at the place of every case. Default 0.
    pub walk_km: f64,
    /// One of a field of the units, or of a figure of `load import`: residents, homes, components.
    pub fields: BTreeMap<String, f64>,
}

impl Default for WorkloadConfig {
    fn default() -> Self {
        Self {
            cases: 1.0,
            days: None,
            half_life_days: None,
            usual_hours: None,
            categories: BTreeMap::new(),
            area_km2: 0.0,
            walk_km: 0.0,
            fields: BTreeMap::new(),
        }
    }
}

impl WorkloadConfig {
    /// # Errors
    /// Names the setting and what is wrong with it.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let is_weight = |weight: f64| weight >= 0.0 && weight.is_finite();
        for (setting, weight) in [("workload.cases", self.cases), ("workload.area_km2", self.area_km2), ("workload.walk_km", self.walk_km)]
        {
            if !is_weight(weight) {
                return Err((setting, format!("the weight {weight} is no number from 0")));
            }
        }
        let times =
            [("workload.days", self.days), ("workload.half_life_days", self.half_life_days), ("workload.usual_hours", self.usual_hours)];
        for (setting, time) in times {
            if let Some(time) = time.filter(|time| !(*time > 0.0 && time.is_finite())) {
                return Err((setting, format!("{time} is no time above 0")));
            }
        }
        for (setting, weights) in [("workload.categories", &self.categories), ("workload.fields", &self.fields)] {
            if let Some((name, weight)) = weights.iter().find(|(_, weight)| !is_weight(**weight)) {
                return Err((setting, format!("the weight {weight} of {name} is no number from 0")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_times_are_checked() {
        assert_eq!(WorkloadConfig::default().check(), Ok(()));
        let fields = BTreeMap::from([("homes".to_owned(), -1.0)]);
        for (wrong, setting) in [
            (WorkloadConfig { cases: f64::NAN, ..Default::default() }, "workload.cases"),
            (WorkloadConfig { half_life_days: Some(0.0), ..Default::default() }, "workload.half_life_days"),
            (WorkloadConfig { fields, ..Default::default() }, "workload.fields"),
        ] {
            assert_eq!(wrong.check().unwrap_err().0, setting);
        }
    }
}
