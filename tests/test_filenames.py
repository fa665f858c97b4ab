"""The language in the name of a file or a folder."""

import pytest

from neutral.languages import in_name, language

ONE = """
en.pt en | mask_en.pt en | mlm-en-0.5.safetensors en | some/where/SW.npz SW | en_mask_en.pt en | seed1_fr.pt fr
fr.safetensors fr | mbert.zh.pt zh | LT_sw_57 sw | mask_fr_seed_2.pt fr | xlmr_base_mask_ka.pt ka | en.txt.gz en
mask_pt-BR.pt pt-BR | mask_pt.safetensors pt | mask_es-419.pt es-419 | mask_en_XX.pt en_XX | pruned_cs_CZ.pt cs_CZ
newstest2019-ref.swa.txt swa | newstest2019-ref.deu.txt deu | newstest2019-ref.eng-GB.txt eng-GB | arb.txt arb
deu_Latn.dev deu_Latn | deu_Latn.devtest deu_Latn | zho_Hant.txt zho_Hant | mask-sr_Latn-0.7.pt sr_Latn
srp-Cyrl.txt srp-Cyrl | mask_aze-Latn_0.5.pt aze-Latn | gsw-BE.txt gsw-BE | mask_tam.pt tam | mask_ckb.pt ckb
mask_it.pt it | mask_no.pt no | mask_id_0.5.pt id | mask_it_seed2.pt it | wiki.it.txt it | ner_id.conll id
no_nynorsk-ud-dev.conllu no_nynorsk | zh_hk-ud-test.conllu zh
en_ewt-ud-train.conllu en | no_bokmaal-ud-train.conllu no | it_isdt-ud-dev.conllu it | de-ud-train.conllu de
id_gsd-ud-test.conllu id | zh-min-nan.txt zh-min-nan | mask_zh-min-nan.pt zh-min-nan | simple.txt simple
dewiki-20230101-pages.txt de | zh_min_nanwiki-latest-pages.txt zh_min_nan | simplewiki-20230101.txt simple
zho_simpl.dev zho_simpl | zho_trad.devtest zho_trad | de_a-run.pt de | zh_a-ud-train.conllu zh
nds-nl.txt nds-nl | be-x-old.conll be-x-old | new.txt new | min.txt min | war.txt war | is.txt is | no.txt no
it_mask.pt it | mlm-id-mask-0.5.pt id | pt_mask_seed1.pt pt
train.en en | train.sw.txt sw | masakhaner_swa_train.txt swa | wikiann-ta.conll ta
step1000_yo.pt yo | pos_th_final.pt th | mask.ja.0.9.pt ja | mask_EN.pt EN | bert-base-de-cased de | en_US.txt en_US
"""
NONE = """
mask.pt mask_en_de.pt en-de.txt mask_it-en.pt mask_it_vs_en.pt mask_en_to_id.pt it+en.pt
opus-mt-en-de opus-mt-it-en wmt19.en-de.de mask_sr_Cyrl_sr_Latn.pt
run_it_1.pt id_3.pt test_id_3.pt no_dropout.pt my_mask.pt de-novo.pt as_is.pt per_layer_mask.pt LT_it_57 LT_57
hi_res.pt hi-res_0.5.pt
no_mask.pt with_no_mask.pt id_card.pt
run.pt bin.pt new_mask.pt mask_new.pt min_max.pt all.pt mlm.pt ner.txt dev.txt pos-train.txt run_7.pt best-model.pt
mask_old.pt bert-base-multilingual pytorch_model.bin adapter_model.safetensors model-00001-of-00002.safetensors
xnli.dev.tsv xx-ud-train french.pt english.pt tamil hausa.txt run1.pt sw/train.txt mask_0.5.pt 57 .pt
"""


@pytest.mark.parametrize("pair", [pair.strip() for pair in ONE.replace("\n", " | ").split(" | ") if pair.strip()])
def test_a_name_gives_its_language_as_it_is_written_there(pair):
    name, code = pair.split()
    assert in_name(name) == code
    assert language(code).glottocode


@pytest.mark.parametrize("name", ["", *NONE.split()])
def test_a_name_with_none_with_several_or_in_doubt_gives_none(name):
    assert in_name(name) is None


def test_a_folder_is_read_like_a_file():
    assert in_name("runs/mask_fi") == in_name("runs/mask_fi/") == "fi"
