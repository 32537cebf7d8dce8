//! The console, as a browser sees it: pages, forms and what they leave behind.
//!
//! ```text
//! client   a console on a machine, and a browser that writes its requests as bytes
//! routes   every role at every route
//! slow     browsers that are slow, or never go
//! browser  Chromium, with the keyboard, with a reading machine, without script, on paper
//! ```
//!
//! An attack, and the test that it fails in:
//!
//! | attack | test |
//! | --- | --- |
//! | another site reads a page by a name that leads here | `door::only_a_request_for_this_computer_is_answered` |
//! | another site sends a form | `door::a_form_from_anywhere_else_is_refused` |
//! | somebody sees the link, or finds it in the history | `door::a_link_lets_in_once_and_a_lock_lets_out` |
//! | another program of this computer gets the cookie | the same: its name has the port, `Host` and token are asked for |
//! | a name of a file, or a note, is a script | `find::names_are_text_and_never_a_part_of_a_page`, `browser::pages::a_name_that_is_a_script_is_a_text` |
//! | a saved file attacks the browser | `find::a_picture_is_shown_and_a_file_that_lies_is_not` |
//! | a saved file attacks the decoder | the same, and the tests of `enamel preview` |
//! | a double click, two windows | `work::one_run_at_a_time_is_shown_and_stops_when_asked` |
//! | names of patients stay in the browser | `door::every_answer_lets_a_browser_run_and_keep_nothing`, `find::a_deleted_letter_is_found_with_its_history_and_brought_back` |
//! | a page asks for something elsewhere | `browser::pages::each_page_is_for_everybody_and_only_from_here` |
//! | somebody does what is not theirs | `routes::each_role_gets_exactly_the_routes_that_the_table_gives_it` |
//! | a route that nobody has thought of | `routes::a_method_that_is_not_in_the_table_is_closed_to_everybody` |
//! | passwords are tried one after the other | the tests of `door/people.rs`, `door::wrong_passwords_of_one_keep_nobody_else_out` |
//! | heads and forms that are too large, or no requests at all | `door::requests_that_are_too_large_or_malformed_are_refused` |
//! | heads and forms byte by byte, connections and streams that stay | the tests of `slow`, `door::many_idle_connections_keep_nobody_out_for_long` |
//! | a page that was left open tells more after it was locked | `slow::a_page_that_stays_open_is_told_nothing_more_when_it_is_locked` |
//! | a text that no command takes ends the agent | `door::a_form_that_no_command_could_take_is_refused_and_the_agent_goes_on` |
//! | a reason or a name becomes a part of a command | `remove::old_rows_are_chosen_reviewed_removed_and_put_back`, `find::a_folder_that_is_not_whole_is_refused` |

mod actions;
mod browser;
mod client;
mod compare;
mod demo;
mod door;
mod find;
mod live;
mod moments;
mod network;
mod proof;
mod remove;
mod remove_tonight;
mod routes;
mod settings;
mod setup;
mod slow;
mod supplemental;
mod trouble;
mod work;
