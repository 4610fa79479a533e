use super::*;
use crate::store::MemoryStore;
use crate::store::conformance::{day, layer, level, row_of_squares};

/// Publishes squares with a name at the fine or the coarse level of the layer `grid`, in effect from a day.
fn put(store: &MemoryStore, at: &str, name: &str, on: i8, change: impl FnOnce(&mut PublishOptions)) -> Result<Published, PublishError> {
    let mut shapes = row_of_squares(&["1", "2"]);
    shapes.iter_mut().for_each(|shape| name.clone_into(&mut shape.unit.name));
    let mut options = PublishOptions {
        rules: Rules::default(),
        state: GenerationState::Published,
        effective_from: Some(day(on)),
        author: "test".into(),
        note: String::new(),
        reuses_codes: false,
        gives_up_future: false,
        from: None,
        made_on: None,
    };
    change(&mut options);
    publish(store, NewLevel { layer: layer("grid"), level: level(at), shapes, merge: false }, &options)
}

/// The names of the coarse and the fine units that are in effect on a day.
fn names(store: &MemoryStore, on: i8) -> [String; 2] {
    let name = layer("grid").name;
    let current = current_generation(&store.load_generations(&name).unwrap(), day(on)).unwrap().id;
    let stored = store.load_generation(&name, current).unwrap();
    [0, 1].map(|depth| stored.shapes[depth].first().map(|shape| shape.unit.name.clone()).unwrap_or_default())
}

fn store_with_a_change_ahead() -> MemoryStore {
    let store = MemoryStore::new();
    put(&store, "coarse", "old", 1, |_| ()).unwrap();
    put(&store, "fine", "old", 1, |_| ()).unwrap();
    put(&store, "coarse", "new", 20, |_| ()).unwrap();
    store
}

#[test]
fn what_is_published_for_later_takes_no_effect_before() {
    let store = store_with_a_change_ahead();
    let refused = put(&store, "fine", "mended", 10, |_| ()).unwrap_err();
    assert!(refused.is_conflict());
    let said = refused.to_string();
    for part in
        [format!("generation 3 from {}", day(20)), format!("--effective {}", day(20)), "--accept future".into(), "roll it back".into()]
    {
        assert!(said.contains(&part), "{part} in {said}");
    }
    assert_eq!(store.load_generations(&layer("grid").name).unwrap().len(), 3);
    put(&store, "fine", "mended", 10, |options| options.gives_up_future = true).unwrap();
    assert_eq!(names(&store, 10), ["old", "mended"]);
    assert_eq!(names(&store, 21), ["old", "mended"], "it was given up");
    // What was given up is in nobody's way any more.
    put(&store, "fine", "mended again", 12, |_| ()).unwrap();
}

#[test]
fn a_change_on_top_of_what_is_published_for_later_keeps_it() {
    let store = store_with_a_change_ahead();
    put(&store, "fine", "mended", 20, |_| ()).unwrap();
    assert_eq!(names(&store, 19), ["old", "old"]);
    assert_eq!(names(&store, 20), ["new", "mended"]);
}

#[test]
fn a_draft_is_made_of_what_is_in_effect_at_its_time_and_gives_nothing_up() {
    let store = store_with_a_change_ahead();
    for (on, coarse) in [(10, "old"), (25, "new")] {
        let draft = put(&store, "fine", "mended", on, |options| options.state = GenerationState::Draft).unwrap().generation.unwrap();
        assert_eq!(draft.parent, Some(GenerationId(3)));
        assert_eq!(store.load_generation(&draft.layer, draft.id).unwrap().shapes[0][0].unit.name, coarse);
    }
    assert_eq!(names(&store, 25), ["new", "old"]);
}

#[test]
fn boundaries_dated_before_all_others_do_not_take_their_place_unasked() {
    let store = MemoryStore::new();
    put(&store, "coarse", "old", 5, |_| ()).unwrap();
    let refused = put(&store, "coarse", "older", 2, |_| ()).unwrap_err();
    assert!(refused.to_string().contains(&format!("generation 1 from {}", day(5))), "{refused}");
    // Where nothing has begun, the newest is what a level is added to.
    put(&store, "fine", "older", 2, |options| options.gives_up_future = true).unwrap();
    assert_eq!(names(&store, 6), ["old", "older"]);
}
