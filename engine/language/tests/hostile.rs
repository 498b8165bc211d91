//! What people will hand us, on purpose or not. Each file under `files/` has its answer under
//! `snapshots/`, exactly as a user sees it.

use crate::answer::answer;
use crate::example::everything::Everything;
use crate::example::pipeline::Pipeline;
use crate::example::stack::Stack;

macro_rules! answers {
    ($($test:ident: $spec:ty, $file:literal;)*) => {
        $(
            #[test]
            fn $test() {
                let text = include_str!(concat!("files/", $file));
                insta::assert_snapshot!(answer::<$spec>($file, text));
            }
        )*

        /// Every file that is looked at here.
        const FILES: &[&str] = &[$($file),*];
    };
}

answers! {
    a_good_stack_has_no_errors: Stack, "good-stack.yml";
    a_good_pipeline_has_no_errors: Pipeline, "good-pipeline.yml";
    everything_that_is_right_has_no_errors: Everything, "good-everything.yml";
    everything_that_is_wrong_is_said_with_advice: Everything, "wrong-everything.yml";
    all_errors_of_a_file_are_found_at_once: Stack, "twelve-errors.yml";
    a_union_of_the_wrong_shape_says_which_shapes_there_are: Stack, "unions.yml";
    a_step_does_exactly_one_thing: Pipeline, "pipeline.yml";
    aliases_and_merge_keys_point_to_where_the_text_is: Stack, "aliases.yml";
    only_maps_are_merged: Stack, "merges.yml";
    keys_that_start_with_x_are_a_home_for_anchors: Everything, "anchors.yml";
    scalars_mean_what_their_type_says: Stack, "scalars.yml";
    a_key_stands_once: Stack, "duplicate-keys.yml";
    an_unknown_kind_or_word_names_what_is_near: Stack, "kinds.yml";
    an_emoji_does_not_shift_the_caret: Stack, "emoji.yml";
    control_characters_do_not_reach_the_terminal: Stack, "escape-codes.yml";
    windows_line_ends_are_fine: Stack, "crlf.yml";
    line_ends_of_old_are_fine: Stack, "old-mac.yml";
    a_byte_order_mark_is_no_column: Stack, "byte-order-mark.yml";
    a_byte_order_mark_inside_is_explained: Stack, "byte-order-mark-inside.yml";
    a_nul_byte_is_explained: Stack, "nul.yml";
    a_tab_as_indentation_is_explained: Stack, "tab-indent.yml";
    a_tab_between_values_is_fine: Stack, "tab-inside.yml";
    an_unclosed_quote_is_explained: Stack, "unclosed.yml";
    an_unclosed_bracket_is_explained: Stack, "bracket.yml";
    an_unknown_escape_is_explained: Stack, "escape.yml";
    a_reference_without_quotes_in_a_map_on_one_line_is_explained: Stack, "flow-reference.yml";
    a_secret_in_the_open_is_refused_and_not_shown: Everything, "open-secrets.yml";
    a_colon_inside_text_is_explained: Stack, "colon.yml";
    ragged_indentation_is_explained: Stack, "ragged.yml";
    a_directive_is_refused: Stack, "directive.yml";
    an_empty_file_says_so: Stack, "empty.yml";
    a_file_of_comments_is_empty_too: Stack, "comment-only.yml";
    a_second_document_is_refused: Stack, "two-documents.yml";
    tags_and_odd_keys_are_refused: Stack, "odd-yaml.yml";
    billion_laughs_costs_nothing: Stack, "billion-laughs.yml";
}

#[test]
fn every_file_is_looked_at() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(FILES.contains(&name.as_str()), "no test reads {name}");
    }
}
