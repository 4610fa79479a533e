//! Names of communities: plausible, and made up of parts.

use rustc_hash::FxHashSet;

use super::noise;

const BEFORE: [&str; 40] = [
    "桐子", "竹山", "石板", "大塘", "新屋", "老屋", "茶林", "枫木", "樟树", "杉木", "油榨", "铁炉", "瓦屋", "高桥", "小江", "龙口", "凤形",
    "马鞍", "牛角", "羊角", "白沙", "青山", "黄泥", "红岩", "黑石", "双江", "三塘", "五里", "八角", "十里", "上洞", "下洞", "东湖", "西岭",
    "南冲", "北坪", "井头", "庙背", "仙人", "花桥",
];
const AFTER: [&str; 24] = [
    "坳", "冲", "坪", "岭", "塘", "湾", "洞", "桥", "铺", "江", "园", "屋场", "源", "井", "岩", "田", "庙", "渡", "山", "垒", "圩", "排",
    "头", "溪",
];

const URBAN: [&str; 24] = [
    "东风",
    "大西门",
    "小西门",
    "文昌阁",
    "司马塘",
    "阳明",
    "百万庄",
    "怀素",
    "柳子",
    "黄叶渡",
    "潇湘",
    "高山寺",
    "鹞子岭",
    "回龙塔",
    "神仙岭",
    "泉陵",
    "芝山",
    "永州大道",
    "零陵北路",
    "河西",
    "杨梓塘",
    "袁家渡",
    "碧云",
    "香零",
];

/// Gives out names of communities, each once in the district.
#[derive(Debug)]
pub(super) struct CommunityNames {
    seed: u64,
    used: FxHashSet<String>,
    urban_given: usize,
}

impl CommunityNames {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed: noise::hash(seed, 70), used: FxHashSet::default(), urban_given: 0 }
    }

    /// Names the community that bears its street's name.
    pub(super) fn take_street(&mut self, street: &str) -> String {
        let stem = street.trim_end_matches("街道").trim_end_matches(['镇', '乡']);
        let name = format!("{stem}社区");
        self.used.insert(name.clone());
        name
    }

    pub(super) fn take(&mut self, is_urban: bool) -> String {
        if is_urban && self.urban_given < URBAN.len() {
            self.urban_given += 1;
            return format!("{}社区", URBAN[self.urban_given - 1]);
        }
        let kind = if is_urban { "社区" } else { "村" };
        for attempt in 0.. {
            let number = noise::hash(self.seed, (self.used.len() as u64) << 20 | attempt);
            let (before, after) = (pick(&BEFORE, number), pick(&AFTER, number >> 32));
            let name = format!("{before}{after}{kind}");
            if !before.ends_with(after) && self.used.insert(name.clone()) {
                return name;
            }
        }
        unreachable!("960 pairs are more than the {} communities", super::regions::COMMUNITIES)
    }
}

/// Picks from a list by the lower half of a number.
pub(super) fn pick<'a>(list: &[&'a str], number: u64) -> &'a str {
    list[((number & 0xFFFF_FFFF) % list.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_communities_share_a_name_and_all_names_are_gbk() {
        let mut names = CommunityNames::new(1);
        let all: FxHashSet<String> = (0..334).map(|at| names.take(at % 10 == 0)).collect();
        assert_eq!(all.len(), 334);
        for name in &all {
            assert!(!encoding_rs::GBK.encode(name).2, "{name}");
        }
    }
}
