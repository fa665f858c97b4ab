"""The table of what the papers' scripts do leaves nothing out: every option and function of theirs is named in it."""

import re
from pathlib import Path

import pytest

TABLE = (Path(__file__).parent.parent / "docs" / "papers.md").read_text(encoding="utf-8")

OPTIONS = {
    "sub-networks": """
        adam_beta1 adam_beta2 adam_epsilon base_dir block_size cache_dir config_name data_language dataset_config_name
        dataset_name do_eval do_predict do_train evaluate_during_training fp16 fp16_opt_level
        gradient_accumulation_steps ignore_pad_token_for_loss initial_weight label_all_tokens label_column_name
        learning_rate local_rank log_dir logging_steps mask_dir mask_net_task max_eval_samples max_grad_norm
        max_predict_samples max_seq_length max_source_length max_steps max_target_length max_train_samples mlm
        mlm_probability model_language model_name_or_path model_revision model_type no_cuda num_beams num_train_epochs
        optim output_dir overwrite_cache overwrite_output_dir pad_to_max_length per_device_eval_batch_size
        per_device_train_batch_size preprocessing_num_workers pruning_type rand_seed return_entity_level_metrics
        save_model save_steps scheduler seed server_ip server_port should_continue sparsity task_name test_file
        text_column_name tokenizer_name train_file use_auth_token val_data_ratio val_max_target_length validation_file
        warmup_steps weight_decay weight_init""",
    "embeddings": """
        main_dir experiment_name seed input_matrix_name wiki_text_103_url text_download_folder LM_text_dataset_path
        text_frequency_dataset_path latent_dim weights_path init_ae_with_svd svd_iters batch_size lr step_size gamma
        epochs additional_epochs coeff scaler_div start_alpha end_alpha max_iters line_by_line chinese_ref_file
        whole_word_mask mlm_probability plm_probability max_span_length block_size train_data_file train_data_files
        eval_data_file""",
    "fine-tuning": """
        save_dir run_name run_type task_name crs pre_trained_ae svd_iters seed epochs eval_steps dataset_dir train_url
        dev_url test_url cr embeddings_ae_dir svd svd_iter svd_num_iters use_fast_tokenizer max_val_samples
        max_test_samples data_dir predict_file version_2_with_negative null_score_diff_threshold doc_stride
        max_query_length do_lower_case per_gpu_train_batch_size per_gpu_eval_batch_size n_best_size max_answer_length
        verbose_logging lang_id eval_all_checkpoints threads""",
}

FUNCTIONS = """
    JsonTextDataset expand_dataset preprocess_compressed_json_file mask_tokens accuracy AverageMeter compute_metrics
    tokenize_and_align_labels get_params_to_prune get_mt5_params_to_prune pruning_model pruning_mt5_model
    component_wise_pruning_model random_pruning_model random_pruning_mt5_model pruning_model_custom
    pruning_mt5_model_custom see_weight_rate see_mt5_weight_rate rewind rewind_mt5_model get_mask_union
    get_mbert_mask_ones_overlap get_mt5_mask_ones_overlap find_intersection_ones mask_sparsity_overlap
    mask_sparsity_overlap_per_component see_mask_zero_rate see_mask_zero_rate_per_layer
    see_mask_zero_rate_per_component score_candidates mean_pooling sentence_retrieval sentence_retrieval_by_layer knn
    knn_cpu knn_gpu set_seed LinearEncoder LinearDecoder NonLinearEncoder NonLinearDecoder cosine_distance_loss
    l1_norm_loss l2_norm_loss save_state log_iteration log_epoch_info compute_perplexity run_svd save_lin_rec_stats
    get_lin_rec_latent_dim get_svd_compression_stats get_ae_sub_compression_stats get_model_weight_dict
    WordEmbeddingModule MFWordEmbeddingModule squad_evaluate"""

VERDICTS = ("same", "differs", "wrong there")


def named():
    """Every word that stands in backticks."""
    return {word for text in re.findall(r"`([^`]+)`", TABLE) for word in re.findall(r"\w+", text)}


@pytest.mark.parametrize("part", OPTIONS)
def test_every_option_of_the_scripts_is_named(part):
    assert not set(OPTIONS[part].split()) - named()


def test_every_function_of_the_scripts_is_named():
    assert not set(FUNCTIONS.split()) - named()


def test_every_row_has_a_verdict():
    rows = [line.split(" | ")[-1].strip(" |") for line in TABLE.splitlines() if line.startswith("| ")]
    answers = [cell for cell in rows if cell not in ("verdict", "---")]
    assert len(answers) > 150
    assert [cell for cell in answers if not cell.startswith(VERDICTS)] == []
