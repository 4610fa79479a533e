use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app;
use super::doors::{RouteRules, come_in, pass};
use super::features::{collections, edit, items, landing, queryables, relations};
use super::observe;
use super::openapi;
use super::problem::Problem;
use super::state::AppState;
use super::{
    addresses, alarms, archives, audit, borders, cases, costs, drafts, generations, health, indicators, keepers, locate, open311, photos,
    rules, stream, tiles, webhooks,
};

/// Every route that the API definition describes, grouped by who calls it.
///
/// A route is here or in [`page_routes`], and nowhere else, and who may use it stands in `access`, else nobody may: the definition is written from this list, and the
/// parameters that a route takes are those that its definition names.
fn api_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::start(state.config()))
        // Apps, call centres and batch jobs.
        .routes(routes!(locate::locate_point, locate::locate_points))
        .routes(routes!(rules::list_categories))
        .routes(routes!(rules::list_responsibilities))
        .routes(routes!(indicators::list_indicators))
        .routes(routes!(costs::list_costs))
        // Dispatchers, keepers and departments, and whoever reports.
        .routes(routes!(cases::report_incident, cases::list_incidents))
        .routes(routes!(addresses::find_addresses))
        .routes(routes!(cases::find_incident))
        .routes(routes!(cases::act_on_incident))
        .routes(routes!(cases::show_incident_history))
        .routes(routes!(photos::add_photo, photos::list_photos))
        .routes(routes!(photos::show_photo, photos::erase_photo))
        .routes(routes!(stream::listen_to_incidents))
        .routes(routes!(alarms::list_alarms))
        // Keepers, by token, and who sends them.
        .routes(routes!(keepers::show_me))
        .routes(routes!(keepers::show_my_grid))
        .routes(routes!(keepers::am_i_inside))
        .routes(routes!(keepers::list_my_tasks))
        .routes(routes!(keepers::list_my_notices))
        .routes(routes!(keepers::set_my_consent))
        .routes(routes!(keepers::tell_my_position, keepers::forget_my_position))
        .routes(routes!(keepers::list_nearest_workers))
        .routes(routes!(keepers::add_skill, keepers::list_skills))
        .routes(routes!(keepers::end_skill))
        .routes(routes!(borders::add_ruling, borders::list_rulings))
        .routes(routes!(borders::end_ruling))
        .routes(routes!(borders::report_border, borders::list_border_reports))
        .routes(routes!(borders::list_my_border_reports))
        .routes(routes!(borders::settle_border_report))
        .routes(routes!(webhooks::add_webhook, webhooks::list_webhooks))
        .routes(routes!(webhooks::end_webhook))
        .routes(routes!(webhooks::list_dead_letters))
        .routes(routes!(webhooks::replay_webhook))
        // Apps and hotlines that speak Open311 GeoReport v2.
        .routes(routes!(open311::find_open311_resource, open311::post_open311_request))
        .routes(routes!(open311::find_open311_item))
        // Whoever runs the service.
        .routes(routes!(health::show_health))
        .routes(routes!(health::show_readiness))
        .routes(routes!(observe::show_metrics))
        .routes(routes!(audit::list_audit))
        // GIS clients: OGC API Features at the root.
        .routes(routes!(landing::show_landing))
        .routes(routes!(landing::show_conformance))
        .routes(routes!(openapi::show_api))
        .routes(routes!(collections::list_collections))
        .routes(routes!(collections::find_collection))
        .routes(routes!(queryables::show_queryables))
        .routes(routes!(queryables::show_sortables))
        .routes(routes!(queryables::show_schema))
        .routes(routes!(items::list_items, edit::create_item))
        .routes(routes!(items::find_item, edit::replace_item, edit::update_item, edit::delete_item))
        .routes(routes!(relations::list_relatives))
        // Planners, and whoever asks what has changed.
        .routes(routes!(generations::list_generations))
        .routes(routes!(generations::find_generation))
        .routes(routes!(generations::compare_generations))
        // Planners who redraw.
        .routes(routes!(drafts::begin_draft, drafts::list_drafts))
        .routes(routes!(drafts::find_draft, drafts::withdraw_draft))
        .routes(routes!(drafts::list_draft_units))
        .routes(routes!(drafts::list_operations, drafts::edit_draft, drafts::undo_operations))
        .routes(routes!(drafts::undo_last_operation))
        .routes(routes!(drafts::redo_operation))
        .routes(routes!(drafts::list_draft_problems))
        .routes(routes!(drafts::compare_draft))
        .routes(routes!(drafts::balance_draft))
        .routes(routes!(drafts::stop_balance))
        .routes(routes!(drafts::staff_draft))
        .routes(routes!(drafts::approve_draft))
        .routes(routes!(drafts::publish_draft))
        // Maps.
        .routes(routes!(tiles::show_boundaries))
        .routes(routes!(tiles::show_boundaries_tile))
        .routes(routes!(tiles::show_incidents))
        .routes(routes!(tiles::show_incidents_tile))
        .routes(routes!(tiles::show_workload))
        .routes(routes!(tiles::show_workload_tile))
        // Maps of GIS clients: OGC API Tiles.
        .routes(routes!(tiles::list_tile_matrix_sets))
        .routes(routes!(tiles::find_tile_matrix_set))
        .routes(routes!(tiles::list_tilesets))
        .routes(routes!(tiles::find_tileset))
        .routes(routes!(tiles::show_tile))
        .routes(routes!(tiles::list_collection_tilesets))
        .routes(routes!(tiles::find_collection_tileset))
        .routes(routes!(tiles::show_collection_tile))
        .routes(routes!(tiles::show_style))
        .routes(routes!(tiles::show_sprite))
        .routes(routes!(archives::show_archive))
}

/// Files of pages, which no client of the API asks for by itself. They take no parameters.
fn page_routes() -> Router<AppState> {
    Router::new()
        .route("/api/{*asset}", get(openapi::show_api_asset))
        .route("/app", get(app::show_app_elsewhere))
        .route("/app/", get(app::show_app))
        .route("/app/{*file}", get(app::show_app_file))
}

/// Returns the whole service.
pub fn router(state: AppState) -> Router {
    let (routes, document) = describe(&state);
    dress(routes.merge(page_routes()), &document, state)
}

/// Returns other handlers behind the layers of the service. What measures the service's own handlers compares them with these.
pub fn router_of(routes: Router<AppState>, state: AppState) -> Router {
    let (_, document) = describe(&state);
    dress(routes, &document, state)
}

/// Puts the layers around routes that every request of the service passes.
fn dress(routes: Router<AppState>, document: &OpenApi, state: AppState) -> Router {
    // Counting starts here: what is counted before anybody keeps the counts is lost.
    let _ = observe::start_metrics();
    let rules = Arc::new(RouteRules::new(document, state.clone()));
    let routes = routes.fallback(show_nothing).layer(middleware::from_fn_with_state(rules, pass)).with_state(state.clone());
    // A layer of the routes themselves would stand before `Allow` is written; one around all of them sees the answer whole.
    Router::new().fallback_service(routes).layer(middleware::from_fn_with_state(state, come_in))
}

/// Returns the API definition of the routes.
pub fn definition(state: &AppState) -> OpenApi {
    describe(state).1
}

fn describe(state: &AppState) -> (Router<AppState>, OpenApi) {
    let (routes, mut document) = api_routes(state).split_for_parts();
    openapi::complete(&mut document);
    (routes, document)
}

async fn show_nothing() -> Problem {
    Problem::not_found("there is nothing at this path; / lists what there is")
}

#[cfg(test)]
mod tests {
    /// The definition is written from the list of routes, so only a route that is put in by hand could be missing from it.
    #[test]
    fn only_files_of_pages_are_left_out_of_the_definition() {
        let source = include_str!("router.rs").split("mod tests").next().expect("a split has a first part");
        let by_hand: Vec<_> = source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect();
        for path in by_hand {
            let is_file_of_page = path.starts_with("/app") || path.starts_with("/api/");
            assert!(is_file_of_page, "{path} is not in the API definition");
        }
    }
}
