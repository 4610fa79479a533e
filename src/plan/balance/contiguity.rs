use super::region::{NONE, Region};

/// Times that strays are looked for again, as one that was joined may have torn what it came from.
const ROUNDS_MAX: usize = 16;

/// Joins what lies apart from the heaviest piece of its district to the district with which it has the longest border, and units without a
/// district likewise. Locked units stay. Returns how many pieces still lie apart.
pub(super) fn join_strays(region: &Region, of: &mut [u32]) -> usize {
    let mut apart = 0;
    for _ in 0..ROUNDS_MAX {
        let pieces = find_pieces(region, of);
        let is_main = main_pieces(region, of, &pieces);
        let mut has_changed = false;
        apart = 0;
        for (piece, is_main) in pieces.iter().zip(is_main) {
            if is_main {
                continue;
            }
            let is_locked = piece.iter().any(|unit| region.is_locked[*unit as usize]);
            let target = if is_locked { None } else { best_neighbour(region, of, piece) };
            if let Some(district) = target {
                piece.iter().for_each(|unit| of[*unit as usize] = district);
                has_changed = true;
            } else if of[piece[0] as usize] != NONE {
                apart += 1;
            }
        }
        if !has_changed {
            break;
        }
    }
    apart
}

fn find_pieces(region: &Region, of: &[u32]) -> Vec<Vec<u32>> {
    let mut is_seen = vec![false; region.len()];
    let mut pieces = Vec::new();
    for start in region.units() {
        if std::mem::replace(&mut is_seen[start as usize], true) {
            continue;
        }
        let mut piece = vec![start];
        let mut at = 0;
        while let Some(unit) = piece.get(at).copied() {
            at += 1;
            for other in region.beside(unit) {
                if of[*other as usize] == of[start as usize] && !std::mem::replace(&mut is_seen[*other as usize], true) {
                    piece.push(*other);
                }
            }
        }
        pieces.push(piece);
    }
    pieces
}

/// A district's main piece is the one with the locked units, else the heaviest; no piece of units without a district is.
fn main_pieces(region: &Region, of: &[u32], pieces: &[Vec<u32>]) -> Vec<bool> {
    let weigh = |piece: &Vec<u32>| {
        let locked = piece.iter().filter(|unit| region.is_locked[**unit as usize]).count();
        (locked, piece.iter().map(|unit| region.load[*unit as usize]).sum::<f64>(), piece.len())
    };
    let weights: Vec<_> = pieces.iter().map(weigh).collect();
    let mut best: Vec<Option<usize>> = vec![None; region.districts as usize];
    for (at, piece) in pieces.iter().enumerate() {
        let district = of[piece[0] as usize];
        if district != NONE {
            let best = &mut best[district as usize];
            if best.is_none_or(|known| weights[at] > weights[known]) {
                *best = Some(at);
            }
        }
    }
    let mut is_main = vec![false; pieces.len()];
    best.into_iter().flatten().for_each(|at| is_main[at] = true);
    is_main
}

fn best_neighbour(region: &Region, of: &[u32], piece: &[u32]) -> Option<u32> {
    let mut borders: Vec<(u32, f32)> = Vec::new();
    for unit in piece {
        for half in region.halves(*unit) {
            let district = of[region.to[half] as usize];
            if district == of[*unit as usize] || district == NONE {
                continue;
            }
            match borders.iter_mut().find(|(known, _)| *known == district) {
                Some((_, length)) => *length += region.border[half],
                None => borders.push((district, region.border[half])),
            }
        }
    }
    borders.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(|(district, _)| district)
}
