"What a page would load in a browser."
import re
from html.parser import HTMLParser


class Loads(HTMLParser):
    "What a browser would load for a page, and its ids."
    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.policy = [], [], ''
        self.feed(text)
        self.loads += [u for css in re.findall(r'<style.*?</style>', text, re.S)
                       for u in re.findall(r'(?:url\(|@import\s*)["\']?([^"\')]+)', css)]

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if a.get('http-equiv') == 'Content-Security-Policy': self.policy = a['content']
        if tag == 'a': self.links.append(a.get('href'))
        else: self.loads += [v for k, v in attrs if k in ('src', 'href', 'srcset', 'poster', 'data', 'action') and v]
        self.loads += re.findall(r'url\(([^)]+)', a.get('style') or '')
