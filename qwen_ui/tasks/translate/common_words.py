"""Frequent short words and greetings by language: they tell what a short text is in, where letters alone can't."""

from collections import Counter

import regex

_WORDS = {
    "en": (
        "the a and of to in is are was i you he she it we they my your what where when how why who this that not "
        "do does have has with for on at be hello hi thanks thank please yes good morning night love ok okay bye "
        "sorry like"
    ),
    "fr": (
        "le la les un une des et de du je tu il elle nous vous est sont suis es dans pour pas que qui où quoi "
        "comment pourquoi avec sur mon ma ce cette bonjour salut merci oui non au revoir bonsoir s'il c'est j'ai "
        "bien très"
    ),
    "de": (
        "der die das ein eine und ist sind ich du er sie es wir ihr nicht mit für auf zu von wo was wie warum wer "
        "mein hallo guten tag danke bitte ja nein morgen auch habe bin gut sehr tschüss"
    ),
    "es": (
        "el la los las un una y de que en es son está estoy yo tú él ella nosotros no sí con para por mi dónde qué "
        "cómo cuándo hola gracias buenos días adiós muy bien perro favor soy tengo"
    ),
    "pt": (
        "o a os as um uma e de que em é são está estou eu você ele ela nós não sim com para por meu onde como "
        "quando olá obrigado obrigada bom dia boa noite tchau muito bem do da no na gato"
    ),
    "it": (
        "il lo la gli le un una e di che in è sono sei io tu lui lei noi non sì con per mio dove come quando "
        "perché chi ciao grazie buongiorno buonasera prego molto bene sto questo questa"
    ),
    "nl": (
        "de het een en van ik jij hij zij wij is zijn niet met voor op waar wat hoe waarom wie mijn dit dat hallo "
        "dank je bedankt goedemorgen ja nee goed heel"
    ),
    "sv": (
        "och att det en ett jag du han hon vi är inte med för på var vad hur varför min hej tack god morgon ja nej "
        "mycket bra den som"
    ),
    "da": (
        "og at det en et jeg du han hun vi er ikke med for på hvor hvad hvordan hvorfor min hej tak god morgen ja "
        "nej meget godt den som af"
    ),
    "no": (
        "og at det en et jeg du han hun vi er ikke med for på hvor hva hvordan hvorfor min hei takk god morgen ja "
        "nei veldig bra den som av"
    ),
    "fi": (
        "ja on ei se hän minä sinä me te ovat olen mitä missä miten miksi kuka hei moi kiitos hyvää huomenta "
        "päivää kyllä hyvin että tämä"
    ),
    "pl": (
        "i w na z do nie jest są to co gdzie jak dlaczego kto ja ty on ona my się że cześć dziękuję dzień dobry "
        "proszę tak bardzo dobrze"
    ),
    "cs": (
        "a v na s do ne je jsou to co kde jak proč kdo já ty on ona my se že ahoj děkuji dobrý den prosím ano "
        "velmi dobře jsem"
    ),
    "sk": (
        "a v na s do nie je sú to čo kde ako prečo kto ja ty on ona my sa že ahoj ďakujem dobrý deň prosím áno "
        "veľmi dobre som"
    ),
    "hu": (
        "a az és egy nem van ez mi hol hogyan miért ki én te ő szia köszönöm jó reggelt napot igen nagyon jól hogy "
        "vagyok"
    ),
    "ro": (
        "și un o de la în nu este sunt eu tu el ea noi ce unde cum cine bună salut mulțumesc ziua da foarte bine "
        "pentru că"
    ),
    "hr": (
        "i u na s do ne je su to što gdje kako zašto tko ja ti on ona mi se da bok hvala dobar dan molim vrlo dobro sam"
    ),
    "tr": (
        "ve bir bu ne nerede nasıl neden kim ben sen o biz değil için ile merhaba teşekkürler günaydın evet hayır "
        "çok iyi var yok selam"
    ),
    "vi": (
        "và là của không có một tôi bạn anh em chúng ta gì đâu thế nào tại sao ai xin chào cảm ơn vâng rất tốt này cho"
    ),
    "id": (
        "dan yang di ke dari ini itu tidak ada saya kamu dia kami kita apa mana bagaimana mengapa siapa halo "
        "terima kasih selamat pagi ya sangat baik adalah untuk"
    ),
    "ca": (
        "el la els les un una i de que en és són jo tu ell ella no sí amb per on què com quan gràcies bon dia molt "
        "bé meu adéu gos aquest"
    ),
    "sw": (
        "na ya wa ni kwa katika hii huyo mimi wewe yeye sisi nini wapi vipi nani habari asante jambo ndiyo hapana "
        "sana nzuri"
    ),
    "tl": (
        "ang ng sa mga at ay ako ikaw siya kami tayo hindi ano saan paano bakit sino kumusta salamat magandang "
        "umaga oo po mahal kita"
    ),
    "ru": (
        "и в на с не я ты он она мы вы это что где как почему кто есть мой да нет привет спасибо здравствуйте "
        "пожалуйста добрый день утро очень хорошо у"
    ),
    "uk": (
        "і й в на з не я ти він вона ми ви це що де як чому хто є мій так ні привіт дякую вітаю будь ласка добрий "
        "день ранок дуже добре у"
    ),
    "bg": (
        "и в на с не аз ти той тя ние вие това какво къде как защо кой е съм мой да здравей здравейте благодаря "
        "моля добър ден утро много добре са"
    ),
    "ar": "في من على إلى هذا هذه أنا أنت هو هي نحن ما أين كيف لماذا لا نعم مرحبا شكرا السلام عليكم صباح الخير جدا",
    "fa": "و در به از که این آن را من تو او ما چه کجا چطور چرا نه بله سلام ممنون متشکرم صبح بخیر خیلی خوب است هست",
    "ur": "اور میں کے کی کا ہے ہیں یہ وہ نہیں آپ ہم کیا کہاں کیسے کیوں جی ہاں شکریہ صبح بخیر بہت اچھا سے کو",
}
_SETS = {code: frozenset(words.split()) for code, words in _WORDS.items()}


def votes(text: str) -> Counter[str]:
    """For each language code how many of the text's words are among its frequent ones."""
    words = regex.findall(r"[\p{L}\p{M}]+(?:['’]\p{L}+)?", text.lower())
    return Counter({code: count for code, frequent in _SETS.items() if (count := sum(w in frequent for w in words))})
