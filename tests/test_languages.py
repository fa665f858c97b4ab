"""What is known about languages, by any code that people write."""

import pytest

from neutral.languages import PAPER_ORDER, language

ELEVEN = """
en English eng Indo-European Latn
fr French fra Indo-European Latn
de German deu Indo-European Latn
zh Chinese cmn Sino-Tibetan Hans
ru Russian rus Indo-European Cyrl
es Spanish spa Indo-European Latn
fa Farsi pes Indo-European Arab
ur Urdu urd Indo-European Arab
ar Arabic arb Afro-Asiatic Arab
hi Hindi hin Indo-European Deva
sw Swahili swh Atlantic-Congo Latn
"""
KNOWN = """
fi | Finnish | fin | finn1318 | Uralic | Latn
tr | Turkish | tur | nucl1301 | Turkic | Latn
ja | Japanese | jpn | nucl1643 | Japonic | Jpan
ko | Korean | kor | kore1280 | Koreanic | Kore
th | Thai | tha | thai1261 | Tai-Kadai | Thai
ta | Tamil | tam | tami1289 | Dravidian | Taml
yo | Yoruba | yor | yoru1245 | Atlantic-Congo | Latn
id | Indonesian | ind | indo1316 | Austronesian | Latn
eu | Basque | eus | basq1248 | Basque | Latn
ka | Georgian | kat | nucl1302 | Kartvelian | Geor
he | Hebrew | heb | hebr1245 | Afro-Asiatic | Hebr
iw | Hebrew | heb | hebr1245 | Afro-Asiatic | Hebr
in | Indonesian | ind | indo1316 | Austronesian | Latn
ji | Yiddish | ydd | east2295 | Indo-European | Hebr
mo | Romanian | ron | roma1327 | Indo-European | Latn
jw | Javanese | jav | java1254 | Austronesian | Latn
sh | Serbo-Croatian | hbs | sout1528 | Indo-European | Latn
scc | Serbian | srp | sout1528 | Indo-European | Cyrl
scr | Croatian | hrv | sout1528 | Indo-European | Latn
bos | Bosnian | bos | sout1528 | Indo-European | Latn
cnr | Montenegrin | cnr | sout1528 | Indo-European | Latn
ger | German | deu | stan1295 | Indo-European | Latn
chi | Chinese | cmn | mand1415 | Sino-Tibetan | Hans
fre | French | fra | stan1290 | Indo-European | Latn
per | Farsi | pes | west2369 | Indo-European | Arab
dut | Dutch | nld | dutc1256 | Indo-European | Latn
fas | Farsi | pes | west2369 | Indo-European | Arab
prs | Dari | prs | dari1249 | Indo-European | Arab
ara | Arabic | arb | stan1318 | Afro-Asiatic | Arab
arz | Egyptian Arabic | arz | egyp1253 | Afro-Asiatic | Arab
acm_Arab | Mesopotamian Arabic | acm | meso1252 | Afro-Asiatic | Arab
ar-arz | Egyptian Arabic | arz | egyp1253 | Afro-Asiatic | Arab
ajp_Arab | South Levantine Arabic | ajp | nort3139 | Afro-Asiatic | Arab
msa | Malay | zsm | stan1306 | Austronesian | Latn
est | Estonian | ekk | esto1258 | Uralic | Latn
lav | Latvian | lvs | latv1249 | Indo-European | Latn
lvs_Latn | Standard Latvian | lvs | latv1249 | Indo-European | Latn
ltg_Latn | Latgalian | ltg | latv1249 | Indo-European | Latn
sqi | Albanian | als | tosk1239 | Indo-European | Latn
als_Latn | Tosk Albanian | als | tosk1239 | Indo-European | Latn
kur | Kurdish | kmr | nort2641 | Indo-European | Latn
ckb-Arab | Central Kurdish | ckb | cent1972 | Indo-European | Arab
aze-Latn | Azerbaijani (Latin) | azj | nort2697 | Turkic | Latn
azb_Arab | South Azerbaijani | azb | sout2697 | Turkic | Arab
nb | Norwegian Bokmål | nob | norw1258 | Indo-European | Latn
nno | Norwegian Nynorsk | nno | norw1258 | Indo-European | Latn
no | Norwegian | nob | norw1258 | Indo-European | Latn
no-nynorsk | Norwegian Nynorsk | nno | norw1258 | Indo-European | Latn
tl | Tagalog | tgl | taga1270 | Austronesian | Latn
fil | Filipino | fil | fili1244 | Austronesian | Latn
mlg | Malagasy | plt | plat1254 | Austronesian | Latn
mon | Mongolian | khk | halh1238 | Mongolic-Khitan | Cyrl
orm | Oromo | gaz | west2721 | Afro-Asiatic | Latn
hmn | Hmong | mww | hmon1333 | Hmong-Mien | Latn
ory_Orya | Odia | ory | oriy1255 | Indo-European | Orya
tw | Twi | twi | akan1250 | Atlantic-Congo | Latn
quy_Latn | Ayacucho Quechua | quy | ayac1239 | Quechuan | Latn
cjk_Latn | Chokwe | cjk | chok1245 | Atlantic-Congo | Latn
kor_Hang | Korean | kor | kore1280 | Koreanic | Hang
dzo | Dzongkha | dzo | dzon1239 | Sino-Tibetan | Tibt
div | Divehi | div | dhiv1236 | Indo-European | Thaa
shi | Tachelhit | shi | tach1250 | Afro-Asiatic | Tfng
sat_Olck | Santali | sat | sant1410 | Austroasiatic | Olck
yue | Cantonese | yue | yuec1235 | Sino-Tibetan | Hant
zh-yue | Cantonese | yue | yuec1235 | Sino-Tibetan | Hant
zh-yue-Hant | Cantonese | yue | yuec1235 | Sino-Tibetan | Hant
zh-min-nan | Min Nan Chinese | nan | minn1241 | Sino-Tibetan | Hans
zh-classical | Literary Chinese | lzh | lite1248 | Sino-Tibetan | Hans
bat-smg | Samogitian | sgs | lith1251 | Indo-European | Latn
fiu-vro | Võro | vro | sout2679 | Uralic | Latn
map-bms | Javanese (Banyumasan) | jav | java1254 | Austronesian | Latn
be-x-old | Belarusian (Taraškievica) | bel | bela1254 | Indo-European | Cyrl
nds-nl | Low German (Netherlands) | nds | nort2627 | Indo-European | Latn
simple | English (Simple) | eng | stan1293 | Indo-European | Latn
en_XX | English | eng | stan1293 | Indo-European | Latn
ar_AR | Arabic | arb | stan1318 | Afro-Asiatic | Arab
cs_CZ | Czech | ces | czec1258 | Indo-European | Latn
EN | English | eng | stan1293 | Indo-European | Latn
deu_latn | German | deu | stan1295 | Indo-European | Latn
eng-GB | English (United Kingdom) | eng | stan1293 | Indo-European | Latn
gsw-BE | Swiss German (Bern) | gsw | swis1247 | Indo-European | Latn
pt-BR | Portuguese (Brazil) | por | port1283 | Indo-European | Latn
pt-br | Portuguese (Brazil) | por | port1283 | Indo-European | Latn
es-419 | Spanish (Latin America) | spa | stan1288 | Indo-European | Latn
es_LA | Spanish (Latin America) | spa | stan1288 | Indo-European | Latn
zho-CN | Chinese | cmn | mand1415 | Sino-Tibetan | Hans
zh_TW | Chinese (Traditional) | cmn | mand1415 | Sino-Tibetan | Hant
zh-Hant | Chinese (Traditional) | cmn | mand1415 | Sino-Tibetan | Hant
zh-HK | Chinese (Traditional, Hong Kong) | cmn | mand1415 | Sino-Tibetan | Hant
sr-Cyrl | Serbian (Cyrillic) | srp | sout1528 | Indo-European | Cyrl
srp_Latn | Serbian (Latin) | srp | sout1528 | Indo-European | Latn
pan_Arab | Punjabi (Arabic) | pan | panj1256 | Indo-European | Arab
ca-valencia | Catalan (valencia) | cat | stan1289 | Indo-European | Latn
ang | Old English | ang | olde1238 | Indo-European | Zyyy
mey | Hassaniyya | mey | hass1238 | Afro-Asiatic | Zyyy
eo | Esperanto | epo | espe1235 | Unknown | Latn
ase | American Sign Language | ase | amer1248 | Unknown | Sgnw
ho | Hiri Motu | hmo | hiri1237 | Unknown | Latn
pcm | Nigerian Pidgin | pcm | nige1257 | Indo-European | Latn
stan1293 | English | eng | stan1293 | Indo-European | Latn
rn | Rundi | run | rund1242 | Atlantic-Congo | Latn
run_Latn | Rundi | run | rund1242 | Atlantic-Congo | Latn
srd | Sardinian | src | logu1236 | Indo-European | Latn
new | Newari | new | newa1246 | Sino-Tibetan | Deva
"""


@pytest.mark.parametrize("line", ELEVEN.strip().splitlines())
def test_the_eleven_have_their_names_families_and_scripts(line):
    code, name, iso3, family, script = line.split()
    assert code in PAPER_ORDER
    for label in (code, iso3):
        spoken = language(label)
        assert (spoken.name, spoken.iso3, spoken.family, spoken.script) == (name, iso3, family, script)
        assert spoken.code == label
        assert spoken.right_to_left == (script == "Arab")


@pytest.mark.parametrize("line", KNOWN.strip().splitlines(), ids=lambda line: line.split(" | ")[0])
def test_a_label_is_read_as_people_write_it(line):
    label, *right = line.split(" | ")
    spoken = language(label)
    assert [spoken.name, spoken.iso3, spoken.glottocode, spoken.family, spoken.script] == right
    assert spoken.code == label


@pytest.mark.parametrize(
    "label",
    [
        *("xx", "qqq", "en 2", "my run", "pretrained", "", "core", "ticket", "english", "run1", "en/0", "en+fa", "e"),
        *(
            "en-de",
            "de-en",
            "EN-DE",
            "fr-it",
            "as_is",
            "de-novo",
            "en-seed1",
            "no_dropout",
            "en-old",
            "LT_x_1",
            "xx-XX",
        ),
        *(
            "mlm",
            "ner",
            "pos",
            "all",
            "dev",
            "run",
            "bin",
            "src",
            "old",
            "raw",
            "und",
            "mul",
            "zxx",
            "root",
            "gem",
            "roa",
            "seed1234",
        ),
        *("en-", "-en", "en--GB", "english-GB", "en_QQ", "فارسی", "１２", "\n", "en\n"),
    ],
)
def test_any_other_label_is_its_own_name_and_the_rest_is_unknown(label):
    spoken = language(label)
    assert spoken.name == spoken.code == spoken.iso3 == label
    assert (spoken.family, spoken.script, spoken.glottocode, spoken.lineage) == ("Unknown", "Zyyy", "", ())
    assert spoken.latitude is None


def test_what_is_written_from_the_right_is_known_by_its_script():
    assert [label for label in ("he", "ur", "dv", "pa", "pa-PK", "en", "uz_Arab", "nqo", "yi") if not
            language(label).right_to_left] == ["pa", "en"]  # fmt: skip


def test_a_region_has_its_own_script_and_is_kept():
    taiwan, montenegro, brazil = map(language, ("zh-TW", "sr-ME", "pt_BR"))
    assert [each.region for each in (taiwan, montenegro, brazil)] == ["TW", "ME", "BR"]
    assert [each.script for each in (taiwan, montenegro, brazil)] == ["Hant", "Latn", "Latn"]
    assert montenegro.name == "Serbian (Latin, Montenegro)"


def test_a_language_has_its_groups_and_its_place():
    finnish = language("fi")
    assert finnish.lineage == ("Uralic", "Finnic", "Coastal Finnic", "Neva", "North Finnic", "Nuclear Finnish")
    assert (finnish.macroarea, finnish.latitude, finnish.longitude) == ("Eurasia", 64.763, 25.558)
    assert language("eu").lineage == ()
    assert language("eu").family == "Basque"
