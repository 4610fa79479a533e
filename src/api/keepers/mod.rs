//! What is a keeper's own, by token: posts and grid, tasks in walking order, notices, whether one is inside; and who is near a place.
//! Positions are kept only on shift, by consent, and for hours.

mod grid;
mod inside;
mod me;
mod nearest;
mod notices;
mod place;
mod positions;
mod skills;
mod tasks;

pub use grid::{__path_show_my_grid, show_my_grid};
pub use inside::{__path_am_i_inside, am_i_inside};
pub use me::{__path_show_me, show_me};
pub use nearest::{__path_list_nearest_workers, list_nearest_workers};
pub use notices::{__path_list_my_notices, list_my_notices};
pub use positions::{
    __path_forget_my_position, __path_set_my_consent, __path_tell_my_position, erase_old_positions, forget_my_position, set_my_consent,
    tell_my_position,
};
pub use skills::{__path_add_skill, __path_end_skill, __path_list_skills, add_skill, end_skill, list_skills, open_skills, to_skills};
pub use tasks::{__path_list_my_tasks, list_my_tasks};
