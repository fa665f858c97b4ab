"""The codes of models and data sets that many people use: each is read, and has its place on the tree."""

import pytest

from neutral.languages import in_name, language

FLORES = """
ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab arb_Arab arb_Latn
ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn ban_Latn bel_Cyrl
bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn bul_Cyrl cat_Latn ceb_Latn ces_Latn cjk_Latn
ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn
ewe_Latn fao_Latn fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn gla_Latn gle_Latn glg_Latn grn_Latn
guj_Gujr hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn
ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor kaz_Cyrl kbp_Latn kea_Latn
khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kmr_Latn knc_Arab knc_Latn kon_Latn kor_Hang lao_Laoo lij_Latn
lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn lua_Latn lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva
mal_Mlym mar_Deva min_Arab min_Latn mkd_Cyrl mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn
npi_Deva nso_Latn nus_Latn nya_Latn oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn pol_Latn
por_Latn prs_Arab quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Olck scn_Latn shn_Mymr sin_Sinh slk_Latn
slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn swh_Latn
szl_Latn tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tpi_Latn tsn_Latn tso_Latn
tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn war_Latn
wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zsm_Latn zul_Latn
"""
"""FLORES-200, NLLB's codes."""
WIKIANN = """
ace af als am an ang ar arc arz as ast ay az ba bar bat-smg be be-x-old bg bh bn bo br bs ca cbk-zam cdo ce ceb ckb co
crh cs csb cv cy da de diq dv el eml en eo es et eu ext fa fi fiu-vro fo fr frr fur fy ga gan gd gl gn gu hak he hi hr
hsb hu hy ia id ig ilo io is it ja jbo jv ka kk km kn ko ksh ku ky la lb li lij lmo ln lt lv map-bms mg mhr mi min mk
ml mn mr ms mt mwl my mzn nap nds ne nl nn no nov oc or os pa pdc pl pms pnb ps pt qu rm ro ru rw sa sah scn sco sd sh
si simple sk sl so sq sr su sv sw szl ta te tg th tk tl tr tt ug uk ur uz vec vep vi vls vo wa war wuu xmf yi yo zea
zh zh-classical zh-min-nan zh-yue ab ady ak av aa atj bi bjn bcl bug bxr bm chr chy ch cho cr cu din dsb dty dz ee ff
fj frp gag glk gom got gor gv ha haw hif ho hz ht ii ik inh iu jam kaa kab kbd kbp kg ki kj kl koi kr krc ks kv kw lad
lbe lez lfn lg lo lrc ltg mai mdf mh mo mrj mus myv na nah nds-nl new ng nrm nso nv ny olo om pag pam pap pcd pfl pi
pih pnt rmy rn roa-rup roa-tara rue sat sc se sg sm sn srn ss st stq tcy tet ti tn to tpi ts tum tw ty tyv udm ve wo
xal xh za zu lzh mnw ary awa avk shn skr smn szy trv nia nqo mad gcr lld ban
"""
"""WikiAnn's and other Wikipedias'."""
XLMR = """
af am ar as az be bg bn bn_rom br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he hi hi_rom hr hu hy
id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my my_zaw ne nl no om or pa pl ps pt ro ru sa sd si
sk sl so sq sr su sv sw ta ta_rom te te_rom th tl tr ug uk ur ur_rom uz vi xh yi zh-Hans zh-Hant
"""
"""CC-100, XLM-R's text."""
MBART = """
ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP nl_XX
ro_RO ru_RU si_LK tr_TR vi_VN zh_CN af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN
pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI
"""
"""mBART-50's."""
NO_FAMILY = {"epo_Latn", "eo", "ia", "io", "ie", "jbo", "vo", "nov", "lfn", "avk", "nqo", "ho"}
"""Artificial languages, and a pidgin."""


@pytest.mark.parametrize("labels", [FLORES, WIKIANN, XLMR, MBART], ids=["FLORES", "WikiAnn", "XLM-R", "mBART"])
def test_every_code_has_its_language_its_family_and_its_place(labels):
    spoken = {label: language(label) for label in labels.split()}
    assert [label for label, each in spoken.items() if not each.glottocode] == []
    assert {label for label, each in spoken.items() if each.family == "Unknown"} <= NO_FAMILY
    assert [label for label, each in spoken.items() if label == each.name or "[" in each.name] == []
    assert len({each.name for each in spoken.values()}) == len(spoken) - len({"mo", "lzh"} & set(spoken))
    assert [label for label in spoken if in_name(f"{label}.txt") != label] == []


def test_scripts_of_flores_are_those_of_the_tags_and_mostly_what_cldr_takes_for_usual():
    spoken = [language(label) for label in FLORES.split()]
    assert [each.script for each in spoken] == [each.code[4:] for each in spoken]
    assert [each.name for each in spoken if each.name.endswith(")")] == [
        *("Acehnese (Arabic)", "Arabic (Latin)", "North Azerbaijani (Latin)", "Banjar (Arabic)"),
        *("Crimean Tatar (Latin)", "Kashmiri (Devanagari)", "Central Kanuri (Arabic)", "Minangkabau (Arabic)"),
        *("Serbian (Cyrillic)", "Tamasheq (Tifinagh)", "Central Atlas Tamazight (Tifinagh)", "Northern Uzbek (Latin)"),
        *("Chinese (Simplified)", "Chinese (Traditional)"),
    ]


def test_a_script_that_cldr_does_not_know_is_unknown_and_not_latin():
    unknown = "ang avk cbk-zam cdo chy din lfn lld mwl nah nia nov nrm olo pi pih rmy roa-rup szy xal"
    assert sorted(label for label in WIKIANN.split() if language(label).script == "Zyyy") == unknown.split()
    leftwards = "ar arz ckb dv fa he mzn pnb ps sd ug ur yi glk ks lad lrc ary skr nqo"
    assert [label for label in WIKIANN.split() if language(label).right_to_left] == leftwards.split()


def test_every_code_of_two_letters_is_a_language():
    from langcodes.data_dicts import LANGUAGE_ALPHA3

    assert [code for code in LANGUAGE_ALPHA3 if not language(code).glottocode] == []
