"""Words of labels and of names of files that are codes of languages as well."""

_NO_CODES = """
abc abs adj all alt amp amr any app art att aug bad bag bat baz big bin bio bit bot box bpe but cfg clm col con cov cpu
ctl cut dec del dev dim dir doc dot dry due emb enc end eos eot err etc fit for gap hid hot ids its job jul jun key kit
lab lap law led let lex lib log lot low lrr lth map mat max mdl med met mha mid mis mix mlm mlp mod mrp msg mul ner net
nli nmt non not now num old one opt org pad par pca phi pin pos pot pre pro ptq pud put qat qkv qux rag ran rat raw reg
rel res rnd rnn row run sci seg sel sen sep seq set sgd sgm sim sms spm squ src sst std sts sub sum svm syn sys tag tap
tar ted ten tgt the tie tmp tok too top tpu trg try tst two und val var ver vit wan way win wmt yes zxx
"""
_AMBIGUOUS = """
ab ae am an as av ba be bi bs ce ch co cr cs cu cv ff ga ho ia id ie ii ik io is it kl kv lg li ln lt mh mi ml ms mt my
na nb ne ng nn no nr nv oc or os ps pt rm rn sc sd se sg sh sm so ss st tl tn to ts vo wa wo
ace ada alb arm ave bar bas bug bum cat cos div est fan fin fur gan gay geo hat her ice ido ile ina ind inh kin lad lag
lat lav lim lin lit lol lug mac mad mag mah mak mal mao mar mas may men mer mol mon mos nan nap nav nor nus oss pan pap
per pli pol por pus que rif rof ron rum sag sah sam san sas sat ses shi sid sin slo som sot sun sus tam tel tem tet tib
tig tir tog ton tum vol wal war was wel yao
"""
_WORDS = "bar bug cat fan fur gay hat her ice it kin lad lag lit mad may men nap pan per sat sun ton war was"

NO_CODES = frozenset(_NO_CODES.split())
"""What is no language in a label or name: what a mask is of, how it was made, which of several it is.

All are codes of ISO 639-3, most of languages that few write (mlm: Mulam, ner: Yahadian), which Glottolog's code or
one with a script (`run_Latn`) names as well.
"""
ALONE = frozenset(("ext", "min", "new"))
"""What is a language only where it is all of a label or of a file's name, for it is common in such names."""
PLAIN = frozenset(("am", "an", "as", "be", "is", "my", "no", "or", "so", "to"))
"""English words, which say something of the word that they stand before: my_mask, no_mask."""
ORDINARY = PLAIN | ALONE | frozenset(_WORDS.split())
"""English words which are no language with a number behind them: my 7, it 3."""
AMBIGUOUS = frozenset(_AMBIGUOUS.split())
"""What is a language in a file's name only in the places where one is expected."""
